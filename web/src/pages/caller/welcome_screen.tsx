import { Phone } from "lucide-react";
import { type FormEvent, useState } from "react";
import { Button } from "../../ui/button";
import { TextField } from "../../ui/field";
import { MicrophonePicker } from "../../ui/microphone_picker";
import { Notice } from "../../ui/notice";
import { ThemeSwitch } from "../../ui/theme_switch";

/** Where a call begins: a name and one click. */
export function WelcomeScreen({
  isConnecting,
  fault,
  onCall,
}: {
  isConnecting: boolean;
  fault: string | null;
  onCall: (name: string, deviceId?: string) => void;
}) {
  const [name, setName] = useState("");
  const [deviceId, setDeviceId] = useState("");
  const call = (event: FormEvent) => {
    event.preventDefault();
    onCall(name.trim() || "Caller", deviceId || undefined);
  };
  return (
    <main className="mx-auto flex min-h-dvh w-full max-w-md flex-col justify-center gap-6 px-4 py-10">
      <header className="flex flex-col gap-3">
        <img src="/icon.svg" alt="" className="size-14" />
        <h1 className="text-3xl font-semibold tracking-tight">Talk to us</h1>
        <p className="text-lg text-soft">
          Agent A answers at once. If somebody else can help you better, they are told what it is about before you meet
          them.
        </p>
      </header>
      {fault && <Notice>{fault}</Notice>}
      <form onSubmit={call} className="flex flex-col gap-4">
        <TextField
          label="Your name"
          name="name"
          autoComplete="name"
          maxLength={64}
          value={name}
          onChange={(event) => setName(event.target.value)}
        />
        <MicrophonePicker chosen={deviceId} onChoose={setDeviceId} />
        <Button kind="main" type="submit" disabled={isConnecting} className="min-h-14 text-lg">
          <Phone aria-hidden size={20} />
          {isConnecting ? "Connecting …" : "Call"}
        </Button>
      </form>
      <p className="text-sm text-soft">
        Your browser asks for the microphone. Without one you can type. What is said is transcribed.
      </p>
      <footer className="flex items-center gap-4 border-t border-line pt-3 text-sm">
        <nav aria-label="Staff pages" className="flex flex-1 gap-4">
          <a className="py-2 text-soft underline underline-offset-4 hover:text-ink" href="/agent-a">
            Agent A
          </a>
          <a className="py-2 text-soft underline underline-offset-4 hover:text-ink" href="/agent-b">
            Agent B
          </a>
          <a className="py-2 text-soft underline underline-offset-4 hover:text-ink" href="/history">
            History
          </a>
        </nav>
        <ThemeSwitch />
      </footer>
    </main>
  );
}
