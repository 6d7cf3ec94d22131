import { Box, Paper, Stack, Text } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { hubNow } from "@/api/clock";
import type { Agent, ListedVm, VmDetails } from "@/api/wire";
import { bytes, duration, moment, time, usage } from "@/format";
import { t } from "@/strings";
import { CopyText } from "@/ui/CopyText";
import { Meter } from "@/ui/Meter";
import { Section } from "@/ui/Section";
import { useNow } from "@/ui/useNow";
import classes from "./VmPage.module.css";

export function Facts(props: {
  vm: ListedVm;
  details: VmDetails | undefined;
  machine: Agent | undefined;
}) {
  const { vm, details, machine } = props;
  useNow();
  const since = vm.running_since;
  return (
    <Stack gap="lg">
      <Section title={t.vm.facts}>
        <Paper px="md" py={6} component="dl" m={0}>
          <Fact name={t.vm.addresses}>
            {vm.ipv4.length === 0 ? (
              <Quiet>{t.vm.noAddress}</Quiet>
            ) : (
              <Stack gap={2}>
                {vm.ipv4.map((address) => (
                  <CopyText key={address} value={address} />
                ))}
              </Stack>
            )}
          </Fact>
          <Fact name={t.vm.machine}>
            {machine ? (
              <Link to="/vms" search={{ machine: machine.agent_id }}>
                <Text span inherit td="underline">
                  {machine.hostname}
                </Text>
              </Link>
            ) : (
              vm.agent_hostname
            )}
          </Fact>
          <Fact name={t.vm.release}>{vm.release || <Quiet>{t.vm.unknown}</Quiet>}</Fact>
          {details?.image_release && (
            <Fact name={t.vm.image}>
              {details.image_release}
              {details.image_hash && <Quiet> · {details.image_hash.slice(0, 12)}</Quiet>}
            </Fact>
          )}
          <Fact name={t.vm.cpus}>{vm.cpus ?? <Quiet>{t.vm.unknown}</Quiet>}</Fact>
          <Fact name={t.vm.memory}>{bytes(vm.memory_bytes)}</Fact>
          <Fact name={t.vm.disk}>{bytes(vm.disk_bytes)}</Fact>
          <Fact name={t.vm.created}>{vm.created_at ? moment(vm.created_at) : t.vm.unknown}</Fact>
          {since && (
            <Fact name={t.vm.running}>
              {moment(since)}
              <Quiet> · {duration((hubNow() - time(since)) / 1000)}</Quiet>
            </Fact>
          )}
          {details && <Fact name={t.vm.snapshots}>{details.snapshot_count}</Fact>}
          <Fact name={t.vm.id}>
            <CopyText value={vm.id} />
          </Fact>
        </Paper>
      </Section>
      {details && <Usage details={details} />}
    </Stack>
  );
}

function Usage({ details }: { details: VmDetails }) {
  const { memory_used_bytes: memory, memory_bytes, disk_used_bytes: disk, disk_bytes } = details;
  const runs = memory !== null || disk !== null;
  return (
    <Section title={t.vm.usage}>
      <Paper p="md">
        {runs ? (
          <Stack gap="sm">
            {memory !== null && memory_bytes !== null && (
              <Meter
                label={t.vm.memory}
                used={memory}
                total={memory_bytes}
                text={usage(memory, memory_bytes)}
              />
            )}
            {disk !== null && disk_bytes !== null && (
              <Meter
                label={t.vm.disk}
                used={disk}
                total={disk_bytes}
                text={usage(disk, disk_bytes)}
              />
            )}
            {details.load.length > 0 && (
              <Text size="xs" c="dimmed">
                {t.vm.usageOf(details.load.map((value) => value.toFixed(2)).join(", "))}
              </Text>
            )}
          </Stack>
        ) : (
          <Text size="sm" c="dimmed">
            {t.vm.notRunning}
          </Text>
        )}
      </Paper>
    </Section>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <Box className={classes.fact}>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </Box>
  );
}

function Quiet({ children }: { children: ReactNode }) {
  return (
    <Text span inherit c="dimmed">
      {children}
    </Text>
  );
}
