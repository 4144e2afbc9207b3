import { Logger } from '@nestjs/common';
import { spawn, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { BatchServer } from '#libs/kafka/batch.server.js';
import type { MessageBroker } from '#libs/kafka/message.js';
import { eventually } from '../support/eventually.js';
import { describeWithKafka } from '../support/kafka-server.js';
import { inProcessGround, kafkaGround, numbered, OUTAGE_TIMEOUT_MS, range, sorted, Taken, type Ground } from './grounds.js';

const PROCESS = fileURLToPath(new URL('../../dist/test/transport/consumer-process.js', import.meta.url));

/** A consumer of the group `group` in a process of its own, which holds on to its first batch until it is told to go on. */
class OtherProcess {
  private readonly child: ChildProcess;
  private output = '';

  constructor(kind: Ground['kind'], url: string, topic: string) {
    this.child = spawn(process.execPath, [PROCESS, kind, url, topic, 'group'], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.child.stdout?.on('data', (chunk: Buffer) => (this.output += chunk.toString()));
  }

  /** The values of each batch that it has begun (`taking`) or finished (`took`). */
  batches(verb: 'taking' | 'took'): number[][] {
    return [...this.output.matchAll(new RegExp(`^${verb} (.*)$`, 'gm'))].map((match) => (match[1] ?? '').split(',').map(Number));
  }

  goOn(): void {
    this.child.stdin?.write('\n');
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  async kill(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await ended;
  }
}

function otherProcess(start: () => Promise<Ground>): void {
  let ground: Ground;
  let topic: string;
  let broker: MessageBroker;
  let other: OtherProcess;
  let server: BatchServer;
  let taken: Taken;

  beforeAll(async () => {
    Logger.overrideLogger(false);
    ground = await start();
  }, 300_000);
  afterAll(async () => {
    await ground.close();
  });

  beforeEach(async () => {
    topic = `test.${randomUUID()}`;
    broker = ground.connect(topic);
    taken = new Taken();
    await broker.prepare();
    await broker.producer.send(topic, oneKey(5));
    other = new OtherProcess(ground.kind, ground.url, topic);
    await eventually(() => other.batches('taking').length > 0, OUTAGE_TIMEOUT_MS);
    server = new BatchServer(broker, 'group');
    server.addHandler(topic, taken.take as never, true);
    server.listen(() => undefined);
  }, 90_000);
  afterEach(async () => {
    await other.kill();
    await server.close();
    await broker.close();
  });

  it('what a process had not finished when it was killed is taken by another', async () => {
    await other.kill();
    await eventually(() => taken.values.length === 5, OUTAGE_TIMEOUT_MS);
    expect(taken.values).toEqual(range(5));
  }, 90_000);

  it('what a process had not finished when it froze is taken by another, and it takes nothing back when it wakes up', async () => {
    other.signal('SIGSTOP');
    await eventually(() => taken.values.length === 5, OUTAGE_TIMEOUT_MS);
    await eventually(async () => (await lag()) === 0, OUTAGE_TIMEOUT_MS);
    const given = other.batches('taking').flat();
    other.signal('SIGCONT');
    other.goOn();
    await eventually(() => other.batches('took').length === 1, OUTAGE_TIMEOUT_MS);

    for (let from = 6; from <= 20; from += 5) {
      await broker.producer.send(topic, oneKey(5, from));
      await eventually(() => {
        other.goOn();
        return new Set([...taken.values, ...other.batches('took').flat()]).size === from + 4;
      }, OUTAGE_TIMEOUT_MS);
    }
    await eventually(async () => (await lag()) === 0, OUTAGE_TIMEOUT_MS);
    expect(sorted([...taken.values, ...other.batches('took').flat().slice(given.length)])).toEqual(range(20));
  }, 180_000);

  /** One partition, so that one process has all of it. */
  function oneKey(count: number, from = 1) {
    return numbered(count, from).map((message) => ({ ...message, key: 'one' }));
  }

  async function lag(): Promise<number> {
    return (await broker.consumerLag('group', [topic])).reduce((total, each) => total + each.lag, 0);
  }
}

describeWithKafka('two processes of a group on Kafka', () => otherProcess(kafkaGround), { own: true });

describe('two processes of a group on the in-process twin', () => {
  otherProcess(inProcessGround);
});
