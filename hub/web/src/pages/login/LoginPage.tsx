import { Alert, Code, Stack, Text } from "@mantine/core";
import { IconInfoCircle, IconKey } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useRouter, useSearch } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { sessionQuery } from "@/api/session";
import { t } from "@/strings";
import { Doorway } from "@/ui/Doorway";
import { Failure } from "@/ui/Failure";
import { LoginForm } from "./LoginForm";
import { OtherWays } from "./OtherWays";
import { takeRefusal } from "./refusal";

export function LoginPage() {
  const { next, ended } = useSearch({ from: "/login" });
  const session = useQuery(sessionQuery);
  const [refusal] = useState(takeRefusal);
  const { history } = useRouter();
  const isIn = Boolean(session.data?.me);
  useEffect(() => {
    if (isIn) history.replace(next ?? "/");
  }, [isIn, next, history]);
  return (
    <Doorway title={t.login.title}>
      {session.data?.first_start && <FirstStart />}
      {session.error && <Failure error={session.error} onRetry={() => void session.refetch()} />}
      {ended && (
        <Alert icon={<IconInfoCircle size={18} />} color="gray">
          {t.login.ended}
        </Alert>
      )}
      {refusal && <Failure title={t.login.signOnFailed} error={refusal} />}
      <LoginForm
        otherWays={<OtherWays provider={session.data?.sign_on ?? null} next={next ?? "/"} />}
      />
    </Doorway>
  );
}

function FirstStart() {
  return (
    <Alert icon={<IconKey size={18} />} title={t.login.firstStartTitle}>
      <Stack gap="xs">
        <Text size="sm">{t.login.firstStart}</Text>
        <Code block>{t.login.firstStartCommand}</Code>
      </Stack>
    </Alert>
  );
}
