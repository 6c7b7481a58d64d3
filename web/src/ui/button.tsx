import clsx from "clsx";
import type { ComponentProps } from "react";

type Kind = "main" | "plain" | "stop" | "quiet";

const KINDS: Record<Kind, string> = {
  main: "bg-brand text-on-brand hover:bg-brand-deep",
  plain: "border border-edge bg-card text-ink hover:bg-sunk",
  stop: "bg-stop text-on-stop hover:opacity-90",
  quiet: "text-ink hover:bg-sunk",
};

/** A button at least 44 px high, so that a thumb finds it. */
export function Button({ kind = "plain", className, ...rest }: ComponentProps<"button"> & { kind?: Kind }) {
  return (
    <button
      type="button"
      className={clsx(
        "inline-flex min-h-11 items-center justify-center gap-2 rounded-xl px-4 font-medium transition-colors",
        "disabled:cursor-not-allowed disabled:opacity-55",
        KINDS[kind],
        className,
      )}
      {...rest}
    />
  );
}
