/** Other hubs: found, paired, trusted. */
import { Skeleton, Stack } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { thisHubQuery } from "@/api/peers";
import { useMay } from "@/api/session";
import { t } from "@/strings";
import { Failure } from "@/ui/Failure";
import { Page } from "@/ui/Page";
import { Candidates } from "./Candidates";
import { Inbox } from "./Inbox";
import { Pairing } from "./Pairing";
import { ThisHub } from "./ThisHub";
import { Trusted } from "./Trusted";

export function PeersPage() {
  const hub = useQuery(thisHubQuery);
  const mayManage = useMay("admin");
  const runs = hub.data?.status === "online";
  return (
    <Page
      title={t.peers.title}
      lead={t.peers.lead}
      actions={hub.data && runs && mayManage && <Pairing hub={hub.data} />}
    >
      {hub.error && !hub.data && <Failure error={hub.error} onRetry={() => void hub.refetch()} />}
      <Stack gap="xl">
        {hub.data ? <ThisHub hub={hub.data} /> : <Skeleton h={150} />}
        <Trusted />
        <Inbox />
        {runs && <Candidates />}
      </Stack>
    </Page>
  );
}
