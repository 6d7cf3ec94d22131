import { Button, Group, Stack, Text } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { loginsOfQuery, logOutEverywhere } from "@/api/users";
import { t } from "@/strings";
import { Failure } from "@/ui/Failure";
import { Logins } from "@/ui/Logins";

export function LoginsOf({ name }: { name: string }) {
  const logins = useQuery(loginsOfQuery(name));
  const ending = useMutation({
    mutationFn: () => logOutEverywhere(name),
    onSuccess: () => logins.refetch(),
  });
  return (
    <Stack gap="md">
      <Logins logins={logins.data} error={logins.error} onRetry={() => void logins.refetch()} />
      {ending.error && <Failure error={ending.error} />}
      {logins.data && logins.data.length > 0 && (
        <Group justify="space-between">
          <Text size="xs" c="dimmed" flex={1}>
            {t.users.endLoginsText}
          </Text>
          <Button color="red" loading={ending.isPending} onClick={() => ending.mutate()}>
            {t.users.endLogins}
          </Button>
        </Group>
      )}
    </Stack>
  );
}
