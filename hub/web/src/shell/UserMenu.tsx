import { Avatar, Menu, Text, UnstyledButton } from "@mantine/core";
import { IconBook2, IconLogout, IconSettings, IconUser } from "@tabler/icons-react";
import { useMutation } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { useLogOut, useMe } from "@/api/session";
import { t } from "@/strings";
import { tellFailure } from "@/ui/Failure";

export function UserMenu() {
  const me = useMe();
  const logOut = useLogOut();
  const navigate = useNavigate();
  const leaving = useMutation({
    mutationFn: logOut,
    onSuccess: () => navigate({ to: "/login" }),
    onError: (error) => tellFailure(error),
  });
  const name = me?.name ?? "";
  return (
    <Menu>
      <Menu.Target>
        <UnstyledButton aria-label={t.user.menu(name)}>
          <Avatar size={30} radius="xl" color="brand">
            <IconUser size={17} stroke={1.8} aria-hidden />
          </Avatar>
        </UnstyledButton>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>
          <Text size="sm" fw={500} c="var(--mantine-color-text)" truncate>
            {name}
          </Text>
          <Text size="xs">{me?.role}</Text>
        </Menu.Label>
        <Menu.Divider />
        <Menu.Item
          component={Link}
          to="/settings"
          leftSection={<IconSettings size={16} stroke={1.6} />}
        >
          {t.user.settings}
        </Menu.Item>
        <Menu.Item
          component="a"
          href="/api/docs"
          leftSection={<IconBook2 size={16} stroke={1.6} />}
        >
          {t.user.apiReference}
        </Menu.Item>
        <Menu.Item
          leftSection={<IconLogout size={16} stroke={1.6} />}
          disabled={leaving.isPending}
          onClick={() => leaving.mutate()}
        >
          {t.user.logOut}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
