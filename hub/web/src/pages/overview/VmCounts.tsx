import { Anchor, Box, Paper, Stack, Text } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import type { ListedVm } from "@/api/wire";
import { meaningOf, VM_STATES } from "@/model/vmState";
import { t } from "@/strings";
import { State } from "@/ui/State";
import classes from "./Overview.module.css";

export function VmCounts({ vms }: { vms: readonly ListedVm[] }) {
  const counts = VM_STATES.map((state) => ({
    state,
    count: vms.filter((vm) => vm.state === state).length,
  })).filter(({ count }) => count > 0);
  return (
    <Paper className={classes.counts}>
      <Stack gap={0}>
        <Text fz={30} fw={600} lh={1.1}>
          {vms.length}
        </Text>
        <Anchor component={Link} to="/vms" size="sm" c="dimmed">
          {t.overview.vms}
        </Anchor>
      </Stack>
      <Stack gap={10} miw={0}>
        <Box className={classes.bar} aria-hidden>
          {counts.map(({ state, count }) => (
            <span key={state} data-tone={meaningOf(state).tone} style={{ flex: count }} />
          ))}
        </Box>
        <Box className={classes.legend}>
          {counts.map(({ state, count }) => (
            <Link key={state} to="/vms" search={{ state: [state] }}>
              <State tone={meaningOf(state).tone} label={`${count} ${state}`} />
            </Link>
          ))}
        </Box>
      </Stack>
    </Paper>
  );
}
