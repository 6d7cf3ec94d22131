import { Button } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { endLogin, endOtherLogins, loginsQuery } from "@/api/account";
import type { Login } from "@/api/wire";
import { t } from "@/strings";
import { Ask, type Question } from "@/ui/Ask";
import { tellFailure } from "@/ui/Failure";
import { Logins } from "@/ui/Logins";
import { Section } from "@/ui/Section";

export function MyLogins() {
  const logins = useQuery(loginsQuery);
  const [question, ask] = useState<Question | null>(null);
  const endOthers = () =>
    ask({
      title: t.logins.endOthers,
      text: t.logins.endOthersText,
      verb: t.logins.endOthers,
      run: async () => {
        await endOtherLogins();
        await logins.refetch();
      },
    });
  return (
    <Section
      title={t.settings.logins}
      action={
        (logins.data?.length ?? 0) > 1 && (
          <Button size="xs" variant="default" onClick={endOthers}>
            {t.logins.endOthers}
          </Button>
        )
      }
    >
      <Logins
        logins={logins.data}
        error={logins.error}
        onRetry={() => void logins.refetch()}
        actions={(login) => !login.current && <End login={login} />}
      />
      <Ask question={question} onClose={() => ask(null)} />
    </Section>
  );
}

function End({ login }: { login: Login }) {
  const logins = useQuery(loginsQuery);
  const ending = useMutation({
    mutationFn: () => endLogin(login.id),
    onSuccess: () => logins.refetch(),
    onError: (error) => tellFailure(error),
  });
  return (
    <Button size="xs" variant="subtle" loading={ending.isPending} onClick={() => ending.mutate()}>
      {t.logins.end}
    </Button>
  );
}
