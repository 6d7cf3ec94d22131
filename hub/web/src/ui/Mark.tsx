/** The product's mark. */
import icon from "@/icon.svg";

export function Mark({ size = 24 }: { size?: number }) {
  return <img src={icon} width={size} height={size} alt="" />;
}
