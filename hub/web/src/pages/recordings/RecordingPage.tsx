/** Plays one recording. */
import { Anchor, Button, Skeleton, Text } from "@mantine/core";
import { IconDownload } from "@tabler/icons-react";
import { getRouteApi, Link } from "@tanstack/react-router";
import { castAddress, useCast, useRecording } from "@/api/recordings";
import { bytes, duration, moment } from "@/format";
import { t } from "@/strings";
import { Failure } from "@/ui/Failure";
import { Page } from "@/ui/Page";
import { Player } from "./Player";

const words = t.recordings;
const route = getRouteApi("/inside/terminals/recordings/$id");

export function RecordingPage() {
  const { id } = route.useParams();
  const { data: recording, error } = useRecording(id);
  const cast = useCast(id);
  const failure = error ?? cast.error;
  return (
    <Page
      title={recording ? words.playOf(recording.vm_name) : words.title}
      lead={
        recording && (
          <Text size="sm" c="dimmed">
            {[
              recording.agent_hostname,
              recording.created_by,
              moment(recording.created_at),
              duration(recording.duration_s),
              bytes(recording.size_bytes),
            ].join(" · ")}
          </Text>
        )
      }
      fills
      actions={
        <>
          <Button component={Link} to="/terminals/recordings" size="xs" variant="default">
            {words.back}
          </Button>
          <Anchor href={castAddress(id)} download underline="never">
            <Button
              component="span"
              size="xs"
              variant="default"
              leftSection={<IconDownload size={14} />}
            >
              {words.download}
            </Button>
          </Anchor>
        </>
      }
    >
      {failure && <Failure error={failure} />}
      {cast.data === undefined && !failure && (
        <Skeleton style={{ flex: 1 }} aria-label={words.loading} />
      )}
      {cast.data !== undefined && recording && <Player cast={cast.data} />}
    </Page>
  );
}
