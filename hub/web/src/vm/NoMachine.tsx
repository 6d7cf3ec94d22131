/** In place of VMs while there is no machine to run them: how to get one. */
import { IconPlus, IconServerOff } from "@tabler/icons-react";
import { useMay } from "@/api/session";
import { t } from "@/strings";
import { LinkButton } from "@/ui/LinkButton";
import { Nothing } from "@/ui/Nothing";

export function NoMachine() {
  const mayManage = useMay("admin");
  return (
    <Nothing
      icon={IconServerOff}
      title={t.noMachine.title}
      action={
        mayManage && (
          <LinkButton
            to="/machines"
            search={{ add: true }}
            leftSection={<IconPlus size={16} stroke={1.6} />}
          >
            {t.machines.add}
          </LinkButton>
        )
      }
    >
      {mayManage ? t.noMachine.text : t.noMachine.ask}
    </Nothing>
  );
}
