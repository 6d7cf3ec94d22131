/** What is shown in place of a page that cannot be shown. */
import { Button, Center } from "@mantine/core";
import { IconError404, IconPlugConnectedX } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { ApiError } from "@/api/client";
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

/** An error that escaped a page: the hub's answer, or a bug of ours. */
export function Broken({ error }: { error: unknown }) {
  if (error instanceof ApiError) {
    return (
      <Center p="xl">
        <Failure error={error} onRetry={() => globalThis.location.reload()} />
      </Center>
    );
  }
  return (
    <Nothing
      icon={IconPlugConnectedX}
      title={t.errors.crashedTitle}
      action={<Button onClick={() => globalThis.location.reload()}>{t.actions.reload}</Button>}
    >
      {t.errors.crashed}
    </Nothing>
  );
}
