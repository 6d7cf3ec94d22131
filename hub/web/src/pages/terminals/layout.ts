/** Which terminals are shown where: tabs, and within each a tree of splits. No I/O; what is kept is made sure of. */

/** Side by side, or one above the other. */
export type Direction = "row" | "column";

export type Tree =
  | { readonly terminal: string }
  | {
      readonly split: Direction;
      /** Part of the first, 0 to 1. */
      readonly part: number;
      readonly first: Tree;
      readonly second: Tree;
    };

export interface Tab {
  readonly id: number;
  readonly tree: Tree;
  /** The terminal that has the keyboard when the tab is chosen. */
  readonly active: string;
}

export interface Layout {
  readonly tabs: readonly Tab[];
  /** The tab that is shown; null shows the list of terminals. */
  readonly current: number | null;
}

/** In parts of the whole, 0 to 1. */
export interface Rect {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

export interface Pane {
  readonly terminal: string;
  readonly rect: Rect;
}

export interface Divider {
  /** Which branches lead to the split, from the root. */
  readonly path: readonly Branch[];
  readonly split: Direction;
  readonly part: number;
  /** What the split divides. */
  readonly whole: Rect;
}

export type Branch = "first" | "second";

export const EMPTY: Layout = { tabs: [], current: null };
export const MOST_PANES = 8;
const MOST_TABS = 50;
const LEAST_PART = 0.1;
const WHOLE: Rect = { left: 0, top: 0, width: 1, height: 1 };

/** Shows a terminal in a tab of its own, or where it is shown already. */
export function opened(layout: Layout, terminal: string): Layout {
  const tab = tabOf(layout, terminal);
  if (tab !== undefined) return activated(layout, terminal);
  const id = Math.max(0, ...layout.tabs.map((each) => each.id)) + 1;
  const tabs = [...layout.tabs, { id, tree: { terminal }, active: terminal }];
  return { tabs: tabs.slice(-MOST_TABS), current: id };
}

/** Shows a terminal beside another, which gives half of its place; in a tab where there is no place. */
export function split(
  layout: Layout,
  beside: string,
  direction: Direction,
  terminal: string,
): Layout {
  const tab = tabOf(layout, beside);
  if (
    tab === undefined ||
    tabOf(layout, terminal) !== undefined ||
    terminalsOf(tab.tree).length >= MOST_PANES
  ) {
    return opened(layout, terminal);
  }
  const tree = replaced(tab.tree, beside, {
    split: direction,
    part: 0.5,
    first: { terminal: beside },
    second: { terminal },
  });
  return {
    ...withTab(layout, { ...tab, tree: tree ?? tab.tree, active: terminal }),
    current: tab.id,
  };
}

/** Shows it no more; the neighbours take its place. */
export function closed(layout: Layout, terminal: string): Layout {
  const tab = tabOf(layout, terminal);
  if (tab === undefined) return layout;
  const tree = replaced(tab.tree, terminal, null);
  if (tree !== null) {
    const left = terminalsOf(tree);
    const active = tab.active === terminal ? (left[0] ?? "") : tab.active;
    return withTab(layout, { ...tab, tree, active });
  }
  const at = layout.tabs.indexOf(tab);
  const tabs = layout.tabs.filter((each) => each !== tab);
  const current =
    layout.current === tab.id ? (tabs[Math.min(at, tabs.length - 1)]?.id ?? null) : layout.current;
  return { tabs, current };
}

export function activated(layout: Layout, terminal: string): Layout {
  const tab = tabOf(layout, terminal);
  if (tab === undefined || (layout.current === tab.id && tab.active === terminal)) return layout;
  return { ...withTab(layout, { ...tab, active: terminal }), current: tab.id };
}

export function chosen(layout: Layout, tab: number | null): Layout {
  return { ...layout, current: tab };
}

/** Moves a divider of a tab. */
export function divided(
  layout: Layout,
  tabId: number,
  path: readonly Branch[],
  part: number,
): Layout {
  const tab = layout.tabs.find((each) => each.id === tabId);
  if (tab === undefined) return layout;
  const kept = Math.min(1 - LEAST_PART, Math.max(LEAST_PART, part));
  return withTab(layout, { ...tab, tree: withPart(tab.tree, path, kept) });
}

/** The terminal after the active one of the tab, around. */
export function nextOf(tab: Tab): string {
  const all = terminalsOf(tab.tree);
  return all[(all.indexOf(tab.active) + 1) % all.length] ?? tab.active;
}

export function tabOf(layout: Layout, terminal: string): Tab | undefined {
  return layout.tabs.find((tab) => terminalsOf(tab.tree).includes(terminal));
}

/** From left to right, from top to bottom. */
export function terminalsOf(tree: Tree): string[] {
  return "terminal" in tree
    ? [tree.terminal]
    : [...terminalsOf(tree.first), ...terminalsOf(tree.second)];
}

export function panesOf(tree: Tree, rect: Rect = WHOLE): Pane[] {
  if ("terminal" in tree) return [{ terminal: tree.terminal, rect }];
  const [first, second] = halves(tree.split, tree.part, rect);
  return [...panesOf(tree.first, first), ...panesOf(tree.second, second)];
}

export function dividersOf(
  tree: Tree,
  rect: Rect = WHOLE,
  path: readonly Branch[] = [],
): Divider[] {
  if ("terminal" in tree) return [];
  const [first, second] = halves(tree.split, tree.part, rect);
  return [
    { path, split: tree.split, part: tree.part, whole: rect },
    ...dividersOf(tree.first, first, [...path, "first"]),
    ...dividersOf(tree.second, second, [...path, "second"]),
  ];
}

/** What was kept, without what is not usable and without anything shown twice. */
export function parseLayout(kept: string | undefined): Layout {
  try {
    const { tabs, current } = JSON.parse(kept ?? "null") as { tabs: unknown[]; current: unknown };
    const seen = new Set<string>();
    const usable = tabs.slice(0, MOST_TABS).flatMap((tab) => usableTab(tab, seen));
    const isThere = usable.some(({ id }) => id === current);
    return { tabs: usable, current: isThere ? (current as number) : null };
  } catch {
    return EMPTY;
  }
}

function usableTab(kept: unknown, seen: Set<string>): Tab[] {
  const { id, active, tree: keptTree } = (kept ?? {}) as Record<string, unknown>;
  const tree = usableTree(keptTree, seen);
  if (tree === null || !Number.isSafeInteger(id)) return [];
  const all = terminalsOf(tree);
  const known = typeof active === "string" && all.includes(active) ? active : (all[0] ?? "");
  return [{ id: id as number, tree, active: known }];
}

function usableTree(kept: unknown, seen: Set<string>): Tree | null {
  if (typeof kept !== "object" || kept === null) return null;
  const { terminal, split, part, first, second } = kept as Record<string, unknown>;
  if (typeof terminal === "string" && !seen.has(terminal)) {
    seen.add(terminal);
    return { terminal };
  }
  if (split !== "row" && split !== "column") return null;
  const [one, other] = [usableTree(first, seen), usableTree(second, seen)];
  if (one === null || other === null) return one ?? other;
  const fits = typeof part === "number" && part >= LEAST_PART && part <= 1 - LEAST_PART;
  return { split, part: fits ? part : 0.5, first: one, second: other };
}

function halves(
  direction: Direction,
  part: number,
  { left, top, width, height }: Rect,
): [Rect, Rect] {
  if (direction === "row") {
    const first = width * part;
    return [
      { left, top, width: first, height },
      { left: left + first, top, width: width - first, height },
    ];
  }
  const first = height * part;
  return [
    { left, top, width, height: first },
    { left, top: top + first, width, height: height - first },
  ];
}

/** The tree with that terminal's leaf replaced, or taken out. */
function replaced(tree: Tree, terminal: string, by: Tree | null): Tree | null {
  if ("terminal" in tree) return tree.terminal === terminal ? by : tree;
  const first = replaced(tree.first, terminal, by);
  const second = replaced(tree.second, terminal, by);
  if (first === null || second === null) return first ?? second;
  return { ...tree, first, second };
}

function withPart(tree: Tree, path: readonly Branch[], part: number): Tree {
  if ("terminal" in tree) return tree;
  const [branch, ...rest] = path;
  if (branch === undefined) return { ...tree, part };
  return { ...tree, [branch]: withPart(tree[branch], rest, part) };
}

function withTab(layout: Layout, tab: Tab): Layout {
  return { ...layout, tabs: layout.tabs.map((each) => (each.id === tab.id ? tab : each)) };
}
