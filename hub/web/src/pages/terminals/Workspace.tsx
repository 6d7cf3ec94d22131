/**
 * The panes of all tabs, each laid over its part of the place. They are siblings whatever the splits are, so that
 * splitting, closing and choosing tabs attaches no shell anew.
 */
import { useMediaQuery } from "@mantine/hooks";
import { Dividers } from "./Dividers";
import { activated, closed, type Layout, MOST_PANES, nextOf, panesOf, terminalsOf } from "./layout";
import type { Order } from "./NewTerminal";
import { TerminalPane } from "./TerminalPane";
import classes from "./Terminals.module.css";
import { useFull } from "./useFull";

/** Below this there is no place for two side by side: the active one has all of it. */
const NARROW = "(max-width: 48em)";

export function Workspace(props: {
  layout: Layout;
  onChange: (change: (now: Layout) => Layout) => void;
  onOpen: (order: Order) => void;
}) {
  const { layout, onChange } = props;
  const narrow = useMediaQuery(NARROW, false, { getInitialValueInEffect: false });
  const [full, setFull] = useFull();
  const current = layout.tabs.find((tab) => tab.id === layout.current);
  return (
    <div className={classes.workspace} hidden={current === undefined}>
      {layout.tabs.flatMap((tab) =>
        panesOf(tab.tree).map(({ terminal, rect }) => {
          const active = tab.active === terminal;
          const shown = tab === current && (active || !narrow);
          const count = terminalsOf(tab.tree).length;
          return (
            <div
              key={terminal}
              className={classes.pane}
              hidden={!shown}
              data-full={full === terminal || undefined}
              style={narrow ? undefined : placed(rect)}
            >
              <TerminalPane
                id={terminal}
                shown={shown}
                active={active}
                isFull={full === terminal}
                onFull={(wanted) => setFull(wanted ? terminal : null)}
                onActivate={() => onChange((now) => activated(now, terminal))}
                onClose={() => onChange((now) => closed(now, terminal))}
                onOpen={props.onOpen}
                onNext={
                  narrow && count > 1
                    ? () => onChange((now) => activated(now, nextOf(tab)))
                    : undefined
                }
                maySplit={!narrow && count < MOST_PANES}
              />
            </div>
          );
        }),
      )}
      {current !== undefined && !narrow && <Dividers tab={current} onChange={onChange} />}
    </div>
  );
}

function placed(rect: { left: number; top: number; width: number; height: number }) {
  const percent = (part: number) => `${part * 100}%`;
  return {
    left: percent(rect.left),
    top: percent(rect.top),
    width: percent(rect.width),
    height: percent(rect.height),
  };
}
