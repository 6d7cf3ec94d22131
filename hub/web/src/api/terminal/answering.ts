/** Who answers what a program asks its terminal (docs/protocol.md): one of those who watch, or it would be told twice. */
import type { TerminalViewer } from "../wire";

/** Whether the viewer of that id is to answer; null is who was not told an id, as by an older agent. */
export function isAnswering(viewers: readonly TerminalViewer[], id: string | null): boolean {
  const first = viewers.find(({ mode }) => mode !== "reader");
  return id === null || first === undefined || first.id === id;
}
