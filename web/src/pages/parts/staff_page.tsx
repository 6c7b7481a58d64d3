import { type ReactNode, useState } from "react";
import { ApiError, signIn } from "../../api/client";
import type { Standing } from "../../api/live_socket";
import { Button } from "../../ui/button";
import { Card } from "../../ui/card";
import { TextField } from "../../ui/field";
import { Notice } from "../../ui/notice";
import { Pill } from "../../ui/pill";
import { Shell } from "../../ui/shell";

/** A page for staff: asks for an API key where the server wants one, and says whether what is shown is live. */
export function StaffPage({
  title,
  standing,
  isLive = true,
  aside,
  children,
}: {
  title: string;
  standing: Standing;
  /** Whether what is shown changes by itself. */
  isLive?: boolean;
  aside?: ReactNode;
  children: ReactNode;
}) {
  return (
    <Shell
      title={title}
      aside={
        <div className="flex flex-wrap items-center gap-3">
          {aside}
          {(isLive || standing !== "up") && <Connection standing={standing} />}
        </div>
      }
    >
      {standing === "refused" ? <SignIn /> : children}
    </Shell>
  );
}

function Connection({ standing }: { standing: Standing }) {
  if (standing === "refused") return null;
  return (
    <span role="status">
      {standing === "up" ? <Pill tone="brand">live</Pill> : <Pill tone="hold">connecting …</Pill>}
    </span>
  );
}

function SignIn() {
  const [key, setKey] = useState("");
  const [refusal, setRefusal] = useState<string | null>(null);
  const enter = async () => {
    try {
      await signIn(key);
      location.reload();
    } catch (error) {
      setRefusal(error instanceof ApiError ? error.message : "That did not work.");
    }
  };
  return (
    <Card title="Sign in" className="mx-auto mt-8 w-full max-w-md">
      <form
        className="flex flex-col gap-4"
        onSubmit={(event) => {
          event.preventDefault();
          void enter();
        }}
      >
        <TextField
          label="Your API key"
          type="password"
          autoComplete="current-password"
          required
          value={key}
          onChange={(event) => setKey(event.target.value)}
        />
        {refusal && <Notice>{refusal}</Notice>}
        <Button kind="main" type="submit">
          Sign in
        </Button>
      </form>
    </Card>
  );
}
