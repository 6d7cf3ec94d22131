/** The shells one has open, as tabs and splits that come back, and all that there are. */
import { Button, VisuallyHidden } from "@mantine/core";
import { IconPlus } from "@tabler/icons-react";
import { getRouteApi } from "@tanstack/react-router";
import { useEffect, useRef, useState } from "react";
import { useMayUseTerminals } from "@/api/session";
import { t } from "@/strings";
import { LinkButton } from "@/ui/LinkButton";
import { Page } from "@/ui/Page";
import * as layouts from "./layout";
import { type Order, NewTerminal } from "./NewTerminal";
import { SettingsButton } from "./SettingsButton";
import { Tabs } from "./Tabs";
import { TerminalList } from "./TerminalList";
import classes from "./Terminals.module.css";
import { useLayout } from "./useLayout";
import { useOpening } from "./useOpening";
import { Workspace } from "./Workspace";

const route = getRouteApi("/inside/terminals");

export function TerminalsPage() {
  const [layout, setLayout] = useLayout();
  const [asking, setAsking] = useState(false);
  const may = useMayUseTerminals();
  const show = (id: string) => setLayout((now) => layouts.opened(now, id));
  const opening = useOpening((terminal, order) =>
    setLayout((now) =>
      order.beside === undefined
        ? layouts.opened(now, terminal.id)
        : layouts.split(now, order.beside.terminal, order.beside.direction, terminal.id),
    ),
  );
  useAsked(show, opening.mutate);
  return (
    <Page
      title={t.terminals.title}
      fills
      heading={
        <>
          <VisuallyHidden component="h1">{t.terminals.title}</VisuallyHidden>
          <Tabs layout={layout} onChange={setLayout} />
        </>
      }
      actions={
        <>
          <LinkButton to="/terminals/recordings" size="xs" variant="default">
            {t.terminals.recordings}
          </LinkButton>
          <SettingsButton />
          {may && (
            <Button
              size="xs"
              leftSection={<IconPlus size={15} />}
              loading={opening.isPending}
              onClick={() => setAsking(true)}
            >
              {t.terminals.open}
            </Button>
          )}
        </>
      }
    >
      {layout.current === null && (
        <div className={classes.list}>
          <TerminalList onShow={show} onNew={() => setAsking(true)} />
        </div>
      )}
      <Workspace layout={layout} onChange={setLayout} onOpen={opening.mutate} />
      {asking && (
        <NewTerminal
          onOpen={(order) => opening.mutateAsync(order)}
          onClose={() => setAsking(false)}
        />
      )}
    </Page>
  );
}

/** Does once what the address asks for, and takes it out of the address: a reload asks for nothing again. */
function useAsked(show: (id: string) => void, open: (order: Order) => void): void {
  const { vm, agent, terminal } = route.useSearch();
  const navigate = route.useNavigate();
  const done = useRef<string | null>(null);
  useEffect(() => {
    const asked = JSON.stringify([vm, agent, terminal]);
    if (done.current === asked) return;
    done.current = asked; // nothing, too: the next may ask for the same again
    if (terminal !== undefined) show(terminal);
    else if (vm !== undefined) open({ vm: { name: vm, agent_id: agent ?? null } });
    else return;
    void navigate({ search: {}, replace: true });
  });
}
