import { NavLink, ScrollArea, Stack, Text } from "@mantine/core";
import { Link, useLocation } from "@tanstack/react-router";
import { t } from "@/strings";
import { type Destination, useSections } from "./navigation";
import classes from "./Shell.module.css";

export function Navigation({ onGo }: { onGo: () => void }) {
  const sections = useSections();
  return (
    <ScrollArea component="nav" aria-label={t.nav.label} flex={1} px="xs" pb="md">
      {sections.map((section) => (
        <Stack key={section.label} gap={2} mt="md">
          <Text size="xs" c="dimmed" fw={500} px="xs" mb={2}>
            {section.label}
          </Text>
          {section.items.map((item) => (
            <Item key={item.to} item={item} onGo={onGo} />
          ))}
        </Stack>
      ))}
    </ScrollArea>
  );
}

function Item({ item, onGo }: { item: Destination; onGo: () => void }) {
  const { pathname } = useLocation();
  const here = item.to === "/" ? pathname === "/" : pathname.startsWith(item.to);
  return (
    <NavLink
      component={Link}
      to={item.to}
      label={item.label}
      active={here}
      aria-current={here ? "page" : undefined}
      onClick={onGo}
      className={classes.item}
      leftSection={<item.icon size={18} stroke={1.6} aria-hidden />}
    />
  );
}
