import { Phone } from "lucide-react";
import { Button } from "../../ui/button";

/** The call is in another window of the same caller: one of them has it. */
export function ElsewhereScreen({ onTake }: { onTake: () => void }) {
  return (
    <main className="mx-auto flex min-h-dvh w-full max-w-2xl flex-col items-start gap-5 px-4 py-10">
      <div role="status">
        <h1 className="text-3xl font-semibold tracking-tight">This call is open in another window</h1>
        <p className="text-lg text-soft">You are heard there, and not here.</p>
      </div>
      <Button kind="main" onClick={onTake}>
        <Phone aria-hidden size={18} /> Take it here
      </Button>
    </main>
  );
}
