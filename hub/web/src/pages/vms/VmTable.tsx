/** The rows that are in view, out of thousands. Columns on a wide screen, two lines a VM on a phone. */
import { Checkbox, Text, UnstyledButton } from "@mantine/core";
import { IconArrowDown, IconArrowUp } from "@tabler/icons-react";
import { useVirtualizer } from "@tanstack/react-virtual";
import { type CSSProperties, memo, useRef } from "react";
import { useMay } from "@/api/session";
import { vmKey } from "@/api/vms";
import type { ListedVm, Operation } from "@/api/wire";
import { t } from "@/strings";
import { CopyText } from "@/ui/CopyText";
import { VmLink } from "@/vm/VmLink";
import { VmMenu } from "@/vm/VmMenu";
import { VmState } from "@/vm/VmState";
import { CELLS, RIGHT, type Shown, WIDTHS } from "./cells";
import type { Row } from "./rows";
import type { Column, Order } from "./search";
import classes from "./VmTable.module.css";

const ROW_PX = 40;
const NARROW_ROW_PX = 62;
const OVERSCAN = 6;

export interface VmTableProps {
  rows: readonly Row[];
  columns: readonly Column[];
  narrow: boolean;
  order: Order | undefined;
  onSort: (column: Column) => void;
  selected: ReadonlySet<string>;
  onSelect: (keys: ReadonlySet<string>) => void;
  underWay: ReadonlyMap<string, Operation>;
  asking: ReadonlySet<string>;
}

export const VmTable = memo(function VmTable(props: VmTableProps) {
  const { rows, narrow, selected, onSelect } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const mayChange = useMay("operator");
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => (narrow ? NARROW_ROW_PX : ROW_PX),
    overscan: OVERSCAN,
    getItemKey: (index) => (rows[index] ? vmKey(rows[index].vm) : index),
  });
  const { template, leastPx } = layoutOf(narrow ? null : props.columns, mayChange);
  const toggle = (vm: ListedVm) => onSelect(toggled(selected, vmKey(vm)));
  return (
    <div
      ref={scroller}
      className={classes.scroller}
      role="table"
      aria-label={t.vms.title}
      aria-rowcount={rows.length + 1}
      style={{ "--columns": template } as CSSProperties}
    >
      {!narrow && <Head {...props} mayChange={mayChange} leastPx={leastPx} />}
      <div
        role="rowgroup"
        className={classes.body}
        style={{ height: virtual.getTotalSize(), minWidth: leastPx }}
      >
        {virtual.getVirtualItems().map((item) => {
          const row = rows[item.index];
          if (!row) return null;
          const key = vmKey(row.vm);
          return (
            <TableRow
              key={item.key}
              {...row}
              index={item.index}
              top={item.start}
              height={item.size}
              columns={props.columns}
              narrow={narrow}
              mayChange={mayChange}
              selected={selected.has(key)}
              onToggle={toggle}
              operation={props.underWay.get(key)}
              asking={props.asking.has(key)}
            />
          );
        })}
      </div>
    </div>
  );
});

const SELECT_PX = 36;
const MENU_PX = 44;
const PADDING_PX = 16;

/** The grid of every row; null columns are the phone's one. */
function layoutOf(columns: readonly Column[] | null, mayChange: boolean) {
  const widths = columns?.map((column) => WIDTHS[column]) ?? [[0, 1] as const];
  const middle = widths.map(([px, share]) => (share ? `minmax(${px}px, ${share}fr)` : `${px}px`));
  const template = mayChange ? [`${SELECT_PX}px`, ...middle, `${MENU_PX}px`] : middle;
  const leastPx = widths.reduce((sum, [px]) => sum + px, PADDING_PX);
  return { template: template.join(" "), leastPx: leastPx + (mayChange ? SELECT_PX + MENU_PX : 0) };
}

export function toggled(keys: ReadonlySet<string>, key: string): ReadonlySet<string> {
  const next = new Set(keys);
  if (!next.delete(key)) next.add(key);
  return next;
}

function Head(props: VmTableProps & { mayChange: boolean; leastPx: number }) {
  const { rows, selected, order, onSort, onSelect } = props;
  const chosen = selected.size === 0 ? 0 : rows.filter(({ vm }) => selected.has(vmKey(vm))).length;
  return (
    <div role="rowgroup" className={classes.head} style={{ minWidth: props.leastPx }}>
      <div role="row" aria-rowindex={1} className={classes.row}>
        {props.mayChange && (
          <div role="columnheader" aria-label={t.vms.selectAll}>
            <Checkbox
              size="xs"
              aria-label={t.vms.selectAll}
              checked={chosen > 0 && chosen === rows.length}
              indeterminate={chosen > 0 && chosen < rows.length}
              onChange={() =>
                onSelect(chosen > 0 ? new Set() : new Set(rows.map(({ vm }) => vmKey(vm))))
              }
            />
          </div>
        )}
        {props.columns.map((column) => {
          const label = t.vms.columns[column];
          const sorted = order?.column === column ? order : undefined;
          const Arrow = sorted?.descending ? IconArrowDown : IconArrowUp;
          return (
            <div
              key={column}
              role="columnheader"
              data-right={RIGHT.has(column) || undefined}
              aria-sort={sorted ? (sorted.descending ? "descending" : "ascending") : "none"}
            >
              <UnstyledButton
                className={classes.sort}
                onClick={() => onSort(column)}
                aria-label={t.vms.sortBy(label)}
              >
                {label}
                {sorted && <Arrow size={13} aria-hidden />}
              </UnstyledButton>
            </div>
          );
        })}
        {props.mayChange && <div role="columnheader" aria-label={t.actions.more} />}
      </div>
    </div>
  );
}

interface TableRowProps extends Shown {
  index: number;
  top: number;
  height: number;
  columns: readonly Column[];
  narrow: boolean;
  mayChange: boolean;
  selected: boolean;
  onToggle: (vm: ListedVm) => void;
}

const TableRow = memo(function TableRow(props: TableRowProps) {
  const { vm, mayChange, narrow } = props;
  return (
    <div
      role="row"
      aria-rowindex={props.index + 2}
      aria-selected={mayChange ? props.selected : undefined}
      className={classes.row}
      style={{ transform: `translateY(${props.top}px)`, height: props.height }}
    >
      {mayChange && (
        <div role="cell">
          <Checkbox
            size="xs"
            checked={props.selected}
            onChange={() => props.onToggle(vm)}
            aria-label={t.vms.select(vm.name)}
          />
        </div>
      )}
      {narrow ? (
        <div role="cell">
          <NarrowCell {...props} />
        </div>
      ) : (
        props.columns.map((column) => (
          <div key={column} role="cell" data-right={RIGHT.has(column) || undefined}>
            {CELLS[column](props)}
          </div>
        ))
      )}
      {mayChange && (
        <div role="cell">
          <VmMenu vm={vm} />
        </div>
      )}
    </div>
  );
});

function NarrowCell({ vm, operation, asking }: Shown) {
  const [address] = vm.ipv4;
  return (
    <div className={classes.narrow}>
      <div>
        <VmLink vm={vm} />
        <VmState vm={vm} operation={operation} asking={asking} />
      </div>
      <div>
        <Text size="xs" c="dimmed" truncate>
          {vm.agent_hostname}
        </Text>
        {address && <CopyText value={address} />}
      </div>
    </div>
  );
}
