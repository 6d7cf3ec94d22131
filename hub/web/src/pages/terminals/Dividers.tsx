/** What separates panes; dragged, or moved with the arrow keys. */
import type { KeyboardEvent, PointerEvent } from "react";
import { t } from "@/strings";
import { divided, type Divider, dividersOf, type Layout, type Tab } from "./layout";
import classes from "./Terminals.module.css";

const STEP = 0.05;

export function Dividers(props: { tab: Tab; onChange: (change: (now: Layout) => Layout) => void }) {
  const { tab, onChange } = props;
  return dividersOf(tab.tree).map((divider) => (
    <Handle
      key={divider.path.join()}
      divider={divider}
      onMove={(part) => onChange((now) => divided(now, tab.id, divider.path, part))}
    />
  ));
}

function Handle({ divider, onMove }: { divider: Divider; onMove: (part: number) => void }) {
  const { split, part, whole } = divider;
  const isRow = split === "row";
  const drag = (event: PointerEvent<HTMLDivElement>) => {
    const place = event.currentTarget.parentElement?.getBoundingClientRect();
    if (place === undefined || !event.currentTarget.hasPointerCapture(event.pointerId)) return;
    onMove(
      isRow
        ? ((event.clientX - place.left) / place.width - whole.left) / whole.width
        : ((event.clientY - place.top) / place.height - whole.top) / whole.height,
    );
  };
  const press = (event: KeyboardEvent) => {
    const [less, more] = isRow ? ["ArrowLeft", "ArrowRight"] : ["ArrowUp", "ArrowDown"];
    if (event.key === less) onMove(part - STEP);
    if (event.key === more) onMove(part + STEP);
  };
  const percent = (value: number) => `${value * 100}%`;
  return (
    <div
      role="separator"
      tabIndex={0}
      aria-label={t.terminals.divider}
      aria-orientation={isRow ? "vertical" : "horizontal"}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={Math.round(part * 100)}
      className={classes.divider}
      data-split={split}
      style={
        isRow
          ? {
              left: percent(whole.left + whole.width * part),
              top: percent(whole.top),
              height: percent(whole.height),
            }
          : {
              top: percent(whole.top + whole.height * part),
              left: percent(whole.left),
              width: percent(whole.width),
            }
      }
      onPointerDown={(event) => event.currentTarget.setPointerCapture(event.pointerId)}
      onPointerMove={drag}
      onKeyDown={press}
    />
  );
}
