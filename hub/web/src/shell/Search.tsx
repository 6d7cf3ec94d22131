/** Everything by name, from anywhere: Ctrl+K. */
import { Kbd, Text, UnstyledButton } from "@mantine/core";
import { Spotlight, type SpotlightActionGroupData, spotlight } from "@mantine/spotlight";
import { IconBox, IconSearch, IconServer2 } from "@tabler/icons-react";
import { useNavigate } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { useMachines } from "@/api/machines";
import { useVms, vmKey } from "@/api/vms";
import { t } from "@/strings";
import { vmPage } from "@/vm/VmLink";
import { useSections } from "./navigation";
import classes from "./Shell.module.css";

/** Shown of each kind; whoever types another letter finds the rest. */
const MOST = 7;

export function SearchButton() {
  return (
    <UnstyledButton className={classes.search} onClick={spotlight.open}>
      <IconSearch size={16} stroke={1.6} aria-hidden />
      <Text component="span" size="sm" className={classes.searchHint}>
        {t.search.hint}
      </Text>
      <Kbd size="xs" className={classes.searchKey}>
        Ctrl K
      </Kbd>
    </UnstyledButton>
  );
}

export function Search() {
  const [query, setQuery] = useState("");
  const actions = useFound(query.trim().toLowerCase());
  return (
    <Spotlight
      actions={actions}
      query={query}
      onQueryChange={setQuery}
      filter={(_query, found) => found}
      nothingFound={t.search.nothing}
      highlightQuery
      scrollable
      maxHeight={420}
      shortcut={["mod + K", "/"]}
      searchProps={{
        leftSection: <IconSearch size={18} stroke={1.6} />,
        placeholder: t.search.hint,
        "aria-label": t.search.hint,
      }}
    />
  );
}

function useFound(sought: string): SpotlightActionGroupData[] {
  const vms = useVms().data;
  const machines = useMachines().data;
  const sections = useSections();
  const navigate = useNavigate();
  return useMemo(() => {
    const has = (...texts: string[]) => texts.some((text) => text.toLowerCase().includes(sought));
    const pages = sections.flatMap((section) => section.items).filter((item) => has(item.label));
    const someVms = sought ? (vms ?? []).filter((vm) => has(vm.name, ...vm.ipv4)) : [];
    const someMachines = sought
      ? (machines ?? []).filter((machine) => has(machine.hostname, machine.agent_id))
      : [];
    const groups = [
      {
        group: t.search.pages,
        actions: pages.map((item) => ({
          id: item.to,
          label: item.label,
          leftSection: <item.icon size={18} stroke={1.6} />,
          onClick: () => void navigate({ to: item.to }),
        })),
      },
      {
        group: t.search.vms,
        actions: someVms.slice(0, MOST).map((vm) => ({
          id: `vm ${vmKey(vm)}`,
          label: vm.name,
          description: `${vm.state} · ${vm.agent_hostname}`,
          leftSection: <IconBox size={18} stroke={1.6} />,
          onClick: () => void navigate(vmPage(vm)),
        })),
      },
      {
        group: t.search.machines,
        actions: someMachines.slice(0, MOST).map((machine) => ({
          id: `machine ${machine.agent_id}`,
          label: machine.hostname,
          description: machine.agent_id,
          leftSection: <IconServer2 size={18} stroke={1.6} />,
          onClick: () => void navigate({ to: "/vms", search: { machine: machine.agent_id } }),
        })),
      },
    ];
    return groups.filter((group) => group.actions.length > 0);
  }, [sought, vms, machines, sections, navigate]);
}
