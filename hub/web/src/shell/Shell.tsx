/** What stands around every page once somebody is logged in. */
import { AppShell, Burger, Group, Text } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { Link, Outlet, useRouter } from "@tanstack/react-router";
import { useCallback } from "react";
import { Live } from "@/api/live/Live";
import { t } from "@/strings";
import { VmActionsProvider } from "@/vm/VmActions";
import { Mark } from "@/ui/Mark";
import { ForRole } from "./ForRole";
import { LiveBadge } from "./LiveBadge";
import { Navigation } from "./Navigation";
import { Search, SearchButton } from "./Search";
import classes from "./Shell.module.css";
import { ThemeSwitch } from "./ThemeSwitch";
import { UserMenu } from "./UserMenu";

export function Shell() {
  const [opened, { toggle, close }] = useDisclosure(false);
  const { options } = useRouter();
  const onSignedOut = useCallback(() => options.context.signedOut(), [options]);
  return (
    <Live onSignedOut={onSignedOut}>
      <a href="#content" className={classes.skip}>
        {t.nav.skip}
      </a>
      <AppShell
        layout="alt"
        header={{ height: 52 }}
        navbar={{ width: 216, breakpoint: "sm", collapsed: { mobile: !opened } }}
      >
        <AppShell.Header className={classes.header}>
          <Burger
            opened={opened}
            onClick={toggle}
            hiddenFrom="sm"
            size="sm"
            aria-label={t.nav.open}
          />
          <SearchButton />
          <Group gap="sm" ml="auto" wrap="nowrap">
            <LiveBadge />
            <ThemeSwitch />
            <UserMenu />
          </Group>
        </AppShell.Header>
        <AppShell.Navbar className={classes.side}>
          <Group className={classes.brand} justify="space-between">
            <Link to="/" onClick={close}>
              <Group gap={10}>
                <Mark />
                <Text fw={600} size="md">
                  {t.product}
                </Text>
              </Group>
            </Link>
            <Burger opened onClick={close} hiddenFrom="sm" size="sm" aria-label={t.actions.close} />
          </Group>
          <Navigation onGo={close} />
        </AppShell.Navbar>
        <AppShell.Main id="content" tabIndex={-1} className={classes.main}>
          <VmActionsProvider>
            <ForRole>
              <Outlet />
            </ForRole>
          </VmActionsProvider>
        </AppShell.Main>
      </AppShell>
      <Search />
    </Live>
  );
}
