/** The tabs of terminals: chosen with one click, closed with another, the shells going on. */
import { ActionIcon, Group, UnstyledButton } from "@mantine/core";
import { IconLayoutList, IconX } from "@tabler/icons-react";
import { useTerminal } from "@/api/terminals";
import { t } from "@/strings";
import { chosen, closed, type Layout, type Tab, terminalsOf } from "./layout";
import classes from "./Terminals.module.css";

export function Tabs(props: {
  layout: Layout;
  onChange: (change: (now: Layout) => Layout) => void;
}) {
  const { layout, onChange } = props;
  return (
    <nav aria-label={t.terminals.tabs} className={classes.tabs}>
      <UnstyledButton
        className={classes.tab}
        aria-current={layout.current === null}
        onClick={() => onChange((now) => chosen(now, null))}
      >
        <IconLayoutList size={15} stroke={1.7} aria-hidden />
        <span>{t.terminals.all}</span>
      </UnstyledButton>
      {layout.tabs.map((tab) => (
        <OneTab
          key={tab.id}
          tab={tab}
          current={layout.current === tab.id}
          onChoose={() => onChange((now) => chosen(now, tab.id))}
          onClose={() => onChange((now) => terminalsOf(tab.tree).reduce(closed, now))}
        />
      ))}
    </nav>
  );
}

function OneTab(props: { tab: Tab; current: boolean; onChoose: () => void; onClose: () => void }) {
  const { data: terminal } = useTerminal(props.tab.active);
  const name = terminal?.vm_name ?? "…";
  const others = terminalsOf(props.tab.tree).length - 1;
  return (
    <Group
      gap={0}
      wrap="nowrap"
      className={classes.tabFrame}
      data-current={props.current || undefined}
    >
      <UnstyledButton
        className={classes.tab}
        aria-current={props.current}
        title={terminal && `${name} · ${terminal.agent_hostname}`}
        onClick={props.onChoose}
        onAuxClick={(event) => event.button === 1 && props.onClose()}
      >
        <span className={classes.tabName}>{name}</span>
        {others > 0 && <span className={classes.others}>+{others}</span>}
      </UnstyledButton>
      <ActionIcon size={20} aria-label={t.terminals.closeTab(name)} onClick={props.onClose}>
        <IconX size={13} />
      </ActionIcon>
    </Group>
  );
}
