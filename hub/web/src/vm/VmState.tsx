/** A VM's state as it is now: what is being done to it comes before what it was. */
import type { ListedVm, Operation, VmState as StateName } from "@/api/wire";
import { t } from "@/strings";
import { State, VmStateMark } from "@/ui/State";

export function VmState(props: {
  vm: Pick<ListedVm, "state">;
  operation?: Operation | undefined;
  asking?: boolean;
}) {
  const { operation } = props;
  if (operation) {
    const how = operation.percent === null ? "" : ` ${Math.round(operation.percent)} %`;
    return <State tone="busy" passing label={`${t.doing[operation.kind]}${how}`} />;
  }
  if (props.asking) return <State tone="busy" passing label={t.vmActions.asking} />;
  return <VmStateMark state={props.vm.state satisfies StateName} />;
}
