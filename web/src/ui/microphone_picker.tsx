import { useEffect, useState } from "react";
import { microphones } from "../call/microphone";
import { Choice } from "./field";

/** The microphones of this machine; says nothing before the page may use one, for they have no names then. */
export function MicrophonePicker({ chosen, onChoose }: { chosen: string; onChoose: (deviceId: string) => void }) {
  const [devices, setDevices] = useState<MediaDeviceInfo[]>([]);
  useEffect(() => {
    const media = navigator.mediaDevices;
    if (!media) return;
    const list = () => void microphones().then(setDevices, () => setDevices([]));
    list();
    media.addEventListener("devicechange", list);
    return () => media.removeEventListener("devicechange", list);
  }, []);
  if (!devices.some((device) => device.label)) return null;
  return (
    <Choice label="Microphone" value={chosen} onChange={(event) => onChoose(event.target.value)}>
      {devices.map((device) => (
        <option key={device.deviceId} value={device.deviceId}>
          {device.label}
        </option>
      ))}
    </Choice>
  );
}
