// What follows from the lines, steps and addresses of a program that is connected. Pure.
import type { ConnectLine, ConnectLineKind, ConnectStep } from '$lib/ipc/bindings';

/** Before a line, so that colour is not needed. */
export const SIGNS: Record<ConnectLineKind, string> = { same: ' ', added: '+', removed: '−', gap: '⋯' };

/** Has no file of settings at all. Of each other program the plan tells whether there is one. */
const WITHOUT_FILE = 'open-webui';
export const isByHand = (programId: string): boolean => programId === WITHOUT_FILE;

export const countOf = (lines: ConnectLine[], kind: ConnectLineKind): number =>
  lines.filter((line) => line.kind === kind).length;

/** Whether one of the steps shows the key. */
export const showsKey = (steps: ConnectStep[]): boolean =>
  steps.some((step) => ['run_docker', 'run_pip', 'variable', 'enter_key'].includes(step.kind));

/** What is copied for a step; nothing where there is only something to do. */
export function valueOf(step: ConnectStep): string | undefined {
  switch (step.kind) {
    case 'run_docker':
    case 'run_pip':
      return step.command;
    case 'variable':
      return `${step.name}=${step.value}`;
    case 'choose_model':
      return step.model;
    case 'enter_address':
    case 'enter_key':
    case 'enter_name':
    case 'enter_model':
      return step.value;
    case 'install':
    case 'open':
    case 'restart':
      return undefined;
  }
}

const withoutPath = (address: string): string => address.replace(/\/+$/, '').replace(/\/v1$/, '');

/** Whether settings name one of the addresses that are served. While nothing is served, none is wrong. */
export const isServed = (address: string, served: string[]): boolean =>
  served.length === 0 || served.some((one) => withoutPath(one) === withoutPath(address));
