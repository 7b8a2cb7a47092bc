// Which word describes a slider's value. Pure; the words themselves are in the message catalogue.

export function temperatureWord(value: number): number {
  if (value < 0.15) return 0;
  if (value < 0.45) return 1;
  if (value < 0.75) return 2;
  return value <= 1.1 ? 3 : 4;
}

export function frequencyWord(value: number): number {
  if (value < 0.1) return 0;
  if (value < 0.4) return 1;
  return value < 0.9 ? 2 : 3;
}
