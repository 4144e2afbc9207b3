import { connect, type Socket } from 'node:net';

export interface Answer {
  status: number;
  head: string;
  body: Buffer;
}

/** The bytes of a request, made once and sent as often as it is asked. */
export function requestBytes(url: string, method: string, path: string, headers: Record<string, string> = {}, body?: object): Buffer {
  const text = body === undefined ? '' : JSON.stringify(body);
  const all: Record<string, string> = { Host: new URL(url).host, Accept: 'application/json', ...headers };
  if (body !== undefined) Object.assign(all, { 'Content-Type': 'application/json', 'Content-Length': String(Buffer.byteLength(text)) });
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.from(`${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n${text}`);
}

/**
 * One keep-alive connection that sends ready-made bytes and takes answers apart no further than needed: the less of a core the load itself
 * takes, the more of the machine is left for what is measured. Answers have a Content-Length or no body.
 */
export class HttpConnection {
  private parts: Buffer[] = [];
  private received = 0;
  private settle: { resolve: (answer: Answer) => void; reject: (error: Error) => void } | null = null;
  private broken: Error | null = null;

  private constructor(private readonly socket: Socket) {
    socket.setNoDelay(true);
    socket.on('data', (part: Buffer) => this.take(part));
    socket.on('error', (error) => this.fail(error));
    socket.on('close', () => this.fail(new Error('The connection was closed.')));
  }

  static open(url: string): Promise<HttpConnection> {
    const { hostname, port } = new URL(url);
    return new Promise((resolve, reject) => {
      const socket = connect(Number(port), hostname, () => resolve(new HttpConnection(socket)));
      socket.once('error', reject);
    });
  }

  /** Sends a request; one at a time. @throws Error where the connection breaks before its answer is there */
  send(request: Buffer): Promise<Answer> {
    return new Promise((resolve, reject) => {
      if (this.broken) return reject(this.broken);
      this.settle = { resolve, reject };
      this.socket.write(request);
    });
  }

  close(): void {
    this.socket.destroy();
  }

  private fail(error: Error): void {
    this.broken ??= error;
    this.settle?.reject(error);
    this.settle = null;
  }

  private take(part: Buffer): void {
    this.parts.push(part);
    this.received += part.length;
    const answer = this.whole();
    if (!answer) return;
    this.parts = [];
    this.received = 0;
    const { settle } = this;
    this.settle = null;
    settle?.resolve(answer);
  }

  private whole(): Answer | null {
    const first = this.parts[0]!;
    const end = first.indexOf('\r\n\r\n');
    if (end < 0) {
      // A head in two pieces is rare: put together, it is looked at again when more comes.
      if (this.parts.length > 1) this.parts = [Buffer.concat(this.parts)];
      return this.parts[0] === first ? null : this.whole();
    }
    const head = first.toString('latin1', 0, end);
    const status = Number(head.slice(9, 12));
    const length = status === 304 || status === 204 ? 0 : Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1] ?? NaN);
    if (Number.isNaN(length)) throw new Error(`An answer without a length: ${head}`);
    if (this.received < end + 4 + length) return null;
    const bytes = this.parts.length === 1 ? first : Buffer.concat(this.parts);
    return { status, head, body: bytes.subarray(end + 4, end + 4 + length) };
  }
}
