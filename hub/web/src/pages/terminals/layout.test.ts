import { expect, test } from "vitest";
import {
  closed,
  divided,
  dividersOf,
  EMPTY,
  opened,
  panesOf,
  parseLayout,
  split,
  terminalsOf,
} from "./layout";

const one = opened(EMPTY, "a");
const two = split(one, "a", "row", "b");
const three = split(two, "b", "column", "c");

test("a split gives half of a pane to the new terminal, which gets the keyboard", () => {
  const [tab] = three.tabs;
  expect(tab?.active).toBe("c");
  expect(tab && panesOf(tab.tree)).toEqual([
    { terminal: "a", rect: { left: 0, top: 0, width: 0.5, height: 1 } },
    { terminal: "b", rect: { left: 0.5, top: 0, width: 0.5, height: 0.5 } },
    { terminal: "c", rect: { left: 0.5, top: 0.5, width: 0.5, height: 0.5 } },
  ]);
});

test("what is closed leaves its place to its neighbours, and the last one closes the tab", () => {
  const left = closed(closed(three, "a"), "c");
  expect(left.tabs.map((tab) => terminalsOf(tab.tree))).toEqual([["b"]]);
  expect(left.tabs[0]?.active).toBe("b");
  expect(closed(left, "b")).toEqual(EMPTY);
});

test("a terminal is shown once: to open it again chooses it", () => {
  const other = opened(three, "d");
  expect(opened(other, "a").current).toBe(three.current);
  expect(opened(other, "a").tabs).toHaveLength(2);
});

test("a divider moves its own split only, and never hides a pane", () => {
  const moved = divided(three, 1, ["second"], 0.99);
  const tree = moved.tabs[0]?.tree;
  expect(tree && dividersOf(tree).map(({ part }) => part)).toEqual([0.5, 0.9]);
});

test("what was kept comes back, and what makes no sense does not", () => {
  expect(parseLayout(JSON.stringify(three))).toEqual(three);
  expect(parseLayout("{")).toEqual(EMPTY);
  const twice = { split: "row", part: 7, first: { terminal: "a" }, second: { terminal: "a" } };
  const kept = JSON.stringify({ tabs: [{ id: 3, tree: twice }, null], current: 9 });
  expect(parseLayout(kept)).toEqual({
    tabs: [{ id: 3, tree: { terminal: "a" }, active: "a" }],
    current: null,
  });
});
