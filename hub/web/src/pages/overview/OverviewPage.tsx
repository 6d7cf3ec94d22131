/** The fleet at a glance: what is there, what needs somebody, what happened. */
import { Box, Skeleton, Stack } from "@mantine/core";
import { useMachinesWithLoad } from "@/api/machines";
import { useOperations } from "@/api/operations";
import { useVms } from "@/api/vms";
import { t } from "@/strings";
import { Failure } from "@/ui/Failure";
import { Page } from "@/ui/Page";
import { NoMachine } from "@/vm/NoMachine";
import { Attention } from "./Attention";
import { Machines } from "./Machines";
import classes from "./Overview.module.css";
import { RecentEvents, RecentOperations } from "./Recent";
import { VmCounts } from "./VmCounts";

export function OverviewPage() {
  const machines = useMachinesWithLoad();
  const vms = useVms();
  const operations = useOperations();
  const error = machines.error ?? vms.error ?? operations.error;
  return (
    <Page title={t.overview.title}>
      {error && <Failure error={error} onRetry={() => globalThis.location.reload()} />}
      {machines.data && vms.data && operations.data ? (
        machines.data.length === 0 ? (
          <NoMachine />
        ) : (
          <Stack gap="lg">
            <VmCounts vms={vms.data} />
            <Attention machines={machines.data} vms={vms.data} operations={operations.data} />
            <Machines machines={machines.data} vms={vms.data} />
            <Box className={classes.two}>
              <RecentOperations operations={operations.data} />
              <RecentEvents />
            </Box>
          </Stack>
        )
      ) : (
        !error && <Loading />
      )}
    </Page>
  );
}

function Loading() {
  return (
    <Stack gap="lg">
      <Skeleton h={88} />
      <Skeleton h={120} />
      <Box className={classes.two}>
        <Skeleton h={280} />
        <Skeleton h={280} />
      </Box>
    </Stack>
  );
}
