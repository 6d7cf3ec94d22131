/** What is shown in place of a page that cannot be shown. */
import { Button, Center } from "@mantine/core";
import { IconBug, IconError404, IconPlugConnectedX } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { useEffect } from "react";
import { ApiError, isThere, sentenceOf } from "@/api/client";
import { t } from "@/strings";
import { Failure } from "@/ui/Failure";
import { Nothing } from "@/ui/Nothing";

export function NotFound() {
  return (
    <Nothing
      icon={IconError404}
      title={t.errors.notFoundTitle}
      action={
        <Button component={Link} to="/" variant="default">
          {t.errors.toOverview}
        </Button>
      }
    >
      {t.errors.notFound}
    </Nothing>
  );
}

const LOOK_EVERY_MS = 3_000;

/** Its code could not be fetched, which is news of the network or the hub, not of the page. */
function Away() {
  useEffect(() => {
    const timer = setInterval(() => {
      void isThere().then((there) => there && globalThis.location.reload());
    }, LOOK_EVERY_MS);
    return () => clearInterval(timer);
  }, []);
  return (
    <Nothing icon={IconPlugConnectedX} title={t.errors.awayTitle} action={<Reload />}>
      {t.errors.away}
    </Nothing>
  );
}

function Reload() {
  return <Button onClick={() => globalThis.location.reload()}>{t.actions.reload}</Button>;
}

/** As each browser words it, and Vite of a style sheet. */
const UNFETCHED = /dynamically imported module|Importing a module script|Unable to preload/i;

/** An error that escaped a page: the hub's answer, its silence, or a bug of ours. */
export function Broken({ error }: { error: unknown }) {
  if (error instanceof ApiError) {
    return (
      <Center p="xl">
        <Failure error={error} onRetry={() => globalThis.location.reload()} />
      </Center>
    );
  }
  if (UNFETCHED.test(sentenceOf(error))) return <Away />;
  return (
    <Nothing icon={IconBug} title={t.errors.crashedTitle} action={<Reload />}>
      {t.errors.crashed}
    </Nothing>
  );
}
