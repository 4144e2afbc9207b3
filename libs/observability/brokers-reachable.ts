import { connect } from 'node:net';

function reachable(broker: string, timeoutMs: number): Promise<boolean> {
  const colon = broker.lastIndexOf(':');
  return new Promise((resolve) => {
    const socket = connect({ host: broker.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(broker.slice(colon + 1)) });
    const settle = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(timeoutMs, () => settle(false));
    socket.once('connect', () => settle(true));
    socket.once('error', () => settle(false));
  });
}

/** Whether any of the comma-separated brokers takes a connection, within `timeoutMs` milliseconds. */
export async function brokersReachable(bootstrap: string, timeoutMs: number): Promise<boolean> {
  const answers = await Promise.all(bootstrap.split(',').map((broker) => reachable(broker, timeoutMs)));
  return answers.includes(true);
}
