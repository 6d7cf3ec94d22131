/** What an account or a token may do, as it is typed in a form and as the hub takes it. */
import type { Role } from "@/api/wire";

export const ROLES: readonly Role[] = ["viewer", "operator", "admin"];

export interface Permissions {
  readonly role: Role;
  readonly terminals: boolean;
  /** Ids of the only machines they see; empty for all. */
  readonly agents: readonly string[];
  /** As typed, `key=value`; all must match. */
  readonly tags: readonly string[];
}

/** What the role ordinarily has. */
export function opensTerminals(role: Role): boolean {
  return role !== "viewer";
}

/** With another role, and what it brings: an administrator is never limited. */
export function withRole(before: Permissions, role: Role): Permissions {
  const limits = role === "admin" ? { agents: [], tags: [] } : {};
  return { ...before, ...limits, role, terminals: opensTerminals(role) };
}

/** As the hub takes them. */
export function wireOf({ role, terminals, agents, tags }: Permissions) {
  return {
    role,
    terminals,
    agents: agents.length > 0 ? [...agents] : null,
    tags: parseTags(tags),
  };
}

/** As a form has them. */
export function permissionsOf(held: {
  role: Role;
  terminals: boolean;
  agents: readonly string[] | null;
  tags: Readonly<Record<string, string>>;
}): Permissions {
  return {
    role: held.role,
    terminals: held.terminals,
    agents: held.agents ?? [],
    tags: tagTexts(held.tags),
  };
}

/** `site=oslo` for each; a tag without a value is its key. */
export function tagTexts(tags: Readonly<Record<string, string>>): string[] {
  return Object.entries(tags).map(([key, value]) => (value === "" ? key : `${key}=${value}`));
}

/** The last of those that name the same key counts. */
export function parseTags(texts: readonly string[]): Record<string, string> {
  const pairs = texts.map((text): [string, string] => {
    const at = text.indexOf("=");
    return at < 0 ? [text.trim(), ""] : [text.slice(0, at).trim(), text.slice(at + 1).trim()];
  });
  return Object.fromEntries(pairs.filter(([key]) => key !== ""));
}
