/** A plain table for some hundred rows: while loading, when empty, when it failed, and when it is there. */
import { Box, Paper, Skeleton, Stack, Table, Text } from "@mantine/core";
import type { ReactNode } from "react";
import classes from "./DataTable.module.css";
import { Failure } from "./Failure";

export interface Column<Row> {
  readonly key: string;
  readonly title: ReactNode;
  readonly cell: (row: Row) => ReactNode;
  /** Left out on a phone. */
  readonly wide?: boolean;
  /** Takes the room that is left. */
  readonly grows?: boolean;
}

export function DataTable<Row>(props: {
  label: string;
  rows: readonly Row[] | undefined;
  error?: Error | null;
  onRetry?: () => void;
  columns: readonly Column<Row>[];
  keyOf: (row: Row) => string | number;
  /** In place of a table without rows. */
  empty: ReactNode;
  /** Makes rows clickable; something in them must do the same for the keyboard. */
  onOpen?: (row: Row) => void;
  /** At the end of each row. */
  actions?: (row: Row) => ReactNode;
}) {
  const { rows, columns, onOpen, actions } = props;
  if (props.error && !rows) return <Failure error={props.error} onRetry={props.onRetry} />;
  if (!rows) return <Loading />;
  if (rows.length === 0) return <Paper>{props.empty}</Paper>;
  return (
    <Paper className={classes.frame}>
      <Table className={classes.table} aria-label={props.label} highlightOnHover>
        <Table.Thead>
          <Table.Tr>
            {columns.map((column) => (
              <Table.Th key={column.key} className={classOf(column)} scope="col">
                {column.title}
              </Table.Th>
            ))}
            {actions && <Table.Td aria-hidden className={classes.actions} />}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {rows.map((row) => (
            <Table.Tr
              key={props.keyOf(row)}
              className={onOpen && classes.opens}
              onClick={onOpen && (() => onOpen(row))}
            >
              {columns.map((column) => (
                <Table.Td key={column.key} className={classOf(column)}>
                  {column.cell(row)}
                </Table.Td>
              ))}
              {actions && (
                <Table.Td className={classes.actions} onClick={(event) => event.stopPropagation()}>
                  {actions(row)}
                </Table.Td>
              )}
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Paper>
  );
}

/** A cell of two lines: what it is, and more of it in grey. */
export function Lines({ first, second }: { first: ReactNode; second: ReactNode }) {
  return (
    <Stack gap={0} miw={0}>
      <Box className={classes.first}>{first}</Box>
      <Text size="xs" c="dimmed" component="div" className={classes.second}>
        {second}
      </Text>
    </Stack>
  );
}

function Loading() {
  return (
    <Stack gap={6} aria-busy>
      {Array.from({ length: 5 }, (_, row) => (
        <Skeleton key={row} h={40} />
      ))}
    </Stack>
  );
}

function classOf(column: { wide?: boolean; grows?: boolean }): string | undefined {
  return (
    [column.wide && classes.wide, column.grows && classes.grows].filter(Boolean).join(" ") ||
    undefined
  );
}
