import type { ComponentProps, ReactNode } from "react";

const BOX = "min-h-11 w-full rounded-xl border border-edge bg-card px-3 text-ink placeholder:text-soft";

/** A labelled text input. */
export function TextField({ label, ...rest }: ComponentProps<"input"> & { label: string }) {
  return (
    <label className="block">
      <span className="mb-1 block text-sm font-medium text-soft">{label}</span>
      <input className={BOX} {...rest} />
    </label>
  );
}

/** A labelled choice. */
export function Choice({
  label,
  children,
  ...rest
}: ComponentProps<"select"> & { label: string; children: ReactNode }) {
  return (
    <label className="block">
      <span className="mb-1 block text-sm font-medium text-soft">{label}</span>
      <select className={BOX} {...rest}>
        {children}
      </select>
    </label>
  );
}
