/** A dialog in two steps: make something, then show what is shown only once. A click beside it loses nothing. */
import { Modal } from "@mantine/core";
import { type ReactNode, useState } from "react";

export function MakeAndShow<T>(props: {
  opened: boolean;
  onClose: () => void;
  title: (made: T | null) => string;
  size?: "lg";
  form: (onMade: (made: T) => void) => ReactNode;
  shown: (made: T, onDone: () => void) => ReactNode;
}) {
  const [made, setMade] = useState<T | null>(null);
  const close = () => {
    props.onClose();
    setMade(null);
  };
  return (
    <Modal
      opened={props.opened}
      onClose={close}
      title={props.title(made)}
      size={props.size}
      closeOnClickOutside={made === null}
    >
      {made === null ? props.form((now) => setMade(() => now)) : props.shown(made, close)}
    </Modal>
  );
}
