import { Agent, type IncomingHttpHeaders, request } from 'node:http';

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
}

interface Sending {
  body?: object;
  headers?: Record<string, string>;
}

/** One client of the API with a connection of its own, kept alive between requests unless told otherwise; it never repeats a request by itself. */
export class Client {
  private readonly agent: Agent;

  constructor(
    private readonly url: string,
    keepAlive = true,
  ) {
    this.agent = new Agent({ keepAlive, maxSockets: 1 });
  }

  /** @throws the socket's error where the connection ends before the answer is whole */
  send(method: string, path: string, { body, headers }: Sending = {}): Promise<Answer> {
    const content = body === undefined ? undefined : JSON.stringify(body);
    return new Promise((resolve, reject) => {
      const options = { method, agent: this.agent, headers: { ...(content ? { 'Content-Type': 'application/json' } : {}), ...headers } };
      const sent = request(new URL(path, this.url), options, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        response.once('error', reject);
        response.once('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }));
      });
      sent.once('error', reject);
      sent.end(content);
    });
  }

  close(): void {
    this.agent.destroy();
  }
}

/** The body of an answer, told apart from a failure by its status first. */
export function bodyOf<T>(answer: Answer): T {
  return JSON.parse(answer.text) as T;
}

/** How often each member occurs. */
export function tally<T extends string | number>(values: readonly T[]): Partial<Record<T, number>> {
  const counts: Partial<Record<T, number>> = {};
  for (const value of values) counts[value] = (counts[value] ?? 0) + 1;
  return counts;
}
