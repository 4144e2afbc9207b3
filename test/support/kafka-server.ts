import { execFile, spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rename, rm, rmdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Kafka, logLevel } from 'kafkajs';
import { eventually } from './eventually.js';
import { freePort, watchdog } from './postgres-server.js';

const ENGINE = join(process.cwd(), 'test', 'engines', 'kafka');
const CACHE = join(process.cwd(), '.cache', 'kafka');
const DOWNLOAD_TIMEOUT_MS = 240_000;
const START_TIMEOUT_MS = 60_000;

/** `own` asks for a broker of this spec's, which it may stop and kill; without it, TEST_KAFKA_BOOTSTRAP is taken where it is set. */
export interface KafkaOptions {
  own?: boolean;
}

/**
 * A Kafka broker for tests, the real one: TEST_KAFKA_BOOTSTRAP, or one node of our own on 127.0.0.1 from Java and Maven (its jars are kept
 * in .cache/kafka). Topics are not created by themselves. One of our own ends with the process that started it.
 */
export class KafkaServer {
  private process: ChildProcess | null = null;
  private watchdog: ChildProcess | null = null;
  private log = '';

  private constructor(
    /** What API_KAFKA_BOOTSTRAP would be. */
    readonly bootstrap: string,
    private readonly folder: string | null,
    private readonly classPath: string,
  ) {}

  /** A broker whose group coordinator answers too. The first start of all downloads 43 MB. */
  static async start(options: KafkaOptions = {}): Promise<KafkaServer> {
    const given = process.env['TEST_KAFKA_BOOTSTRAP'];
    if (given && !options.own) return new KafkaServer(given, null, '');
    const classPath = join(await jars(), '*');
    const [folder, port] = [await mkdtemp(join(tmpdir(), 'gateway-kafka-')), await freePort()];
    const server = new KafkaServer(`127.0.0.1:${port}`, folder, classPath);
    try {
      await server.format(folder, port);
      await server.launch(folder);
    } catch (error) {
      await server.remove();
      throw error;
    }
    return server;
  }

  /** Ends it in order and keeps its data. */
  stop(): Promise<void> {
    return this.end('SIGTERM');
  }

  /** Kills it with SIGKILL and keeps its data. */
  kill(): Promise<void> {
    return this.end('SIGKILL');
  }

  /** Starts it again on the same port and data; a running one is stopped first. */
  async restart(): Promise<void> {
    await this.stop();
    await this.launch(this.ownFolder());
  }

  /** Ends it and deletes its data. A broker that was only lent is left as it is. */
  async remove(): Promise<void> {
    if (this.folder === null) return;
    await this.end('SIGKILL');
    await rm(this.folder, { recursive: true, force: true });
  }

  private async format(folder: string, port: number): Promise<void> {
    const values: Record<string, string> = { PORT: String(port), CONTROLLER_PORT: String(await freePort()), DATA: join(folder, 'data') };
    const template = await readFile(join(ENGINE, 'server.properties'), 'utf8');
    const properties = join(folder, 'server.properties');
    await writeFile(
      properties,
      template.replace(/@(\w+)@/g, (_, name: string) => values[name] ?? ''),
    );
    const id = randomBytes(16);
    id[0]! &= 0x7f; // its text must not begin with '-', which the tool takes for an option
    const clusterId = id.toString('base64url');
    const tool = ['kafka.tools.StorageTool', 'format', '-t', clusterId, '-c', properties];
    await promisify(execFile)('java', ['-cp', this.classPath, ...tool]);
  }

  private async launch(folder: string): Promise<void> {
    const flags = ['-Xmx512m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn'];
    this.log = '';
    const child = spawn('java', [...flags, '-cp', this.classPath, 'kafka.Kafka', join(folder, 'server.properties')], {
      // Of its own process group, so that Ctrl-C reaches the tests alone.
      detached: true,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    child.stderr.on('data', (chunk: Buffer) => (this.log = (this.log + chunk.toString()).slice(-20_000)));
    this.process = child;
    this.watchdog = watchdog(child, folder, 'KILL');
    await Promise.race([this.ready(), once(child, 'exit').then(() => Promise.reject(new Error(`Kafka did not start:\n${this.log}`)))]);
    child.unref();
    (child.stderr as unknown as { unref(): void }).unref();
  }

  /** Asking for a group makes the broker create the topic of its coordinator, the last thing to be ready in a new cluster. */
  private async ready(): Promise<void> {
    const kafka = new Kafka({ brokers: [this.bootstrap], logLevel: logLevel.NOTHING, retry: { retries: 0 } });
    await eventually(async () => {
      const admin = kafka.admin();
      try {
        await admin.connect();
        // kafkajs knows the brokers only after a call like this one.
        await admin.listGroups();
        await admin.describeGroups(['gateway-test-warm-up']);
      } finally {
        await admin.disconnect();
      }
    }, START_TIMEOUT_MS);
  }

  private async end(signal: NodeJS.Signals): Promise<void> {
    this.ownFolder();
    // The watchdog first: it would delete the data of a broker that is only stopped.
    this.watchdog?.kill('SIGKILL');
    this.watchdog = null;
    const child = this.process;
    this.process = null;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    child.ref();
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
  }

  private ownFolder(): string {
    if (this.folder === null) throw new Error('The broker of TEST_KAFKA_BOOTSTRAP is not ours to stop: ask for one with { own: true }.');
    return this.folder;
  }
}

/**
 * `describe` for specs that need Kafka. Where there is none, none of their tests is there; one line on stderr and one entry in the report
 * say so. With CI=true that entry is a failure.
 */
export function describeWithKafka(name: string, body: () => void, options: KafkaOptions = {}): void {
  const missing = missingForKafka(options);
  if (missing === null) return describe(name, body);
  process.stderr.write(`${name}: did not run. ${missing}\n`);
  describe(name, () => {
    // jest takes a file without a test for a mistake.
    it(`did not run: ${missing}`, () => {
      if (process.env['CI'] === 'true') throw new Error(missing);
    });
  });
}

function missingForKafka(options: KafkaOptions): string | null {
  if (process.env['TEST_KAFKA_BOOTSTRAP'] && !options.own) return null;
  const has = (command: string): boolean => spawnSync(command, ['-version'], { stdio: 'ignore' }).status === 0;
  if (has('java') && (existsSync(jarFolder()) || has('mvn'))) return null;
  return 'Kafka needs Java 17 and Maven on the path, or a broker in TEST_KAFKA_BOOTSTRAP.';
}

/** Named after the pom, so that another version of Kafka is another folder. */
function jarFolder(): string {
  const pom = readFileSync(join(ENGINE, 'pom.xml'));
  return join(CACHE, `lib-${createHash('sha256').update(pom).digest('hex').slice(0, 12)}`);
}

/** The folder of the jars, downloaded once by whichever worker comes first. */
async function jars(): Promise<string> {
  const folder = jarFolder();
  const lock = `${folder}.lock`;
  while (!existsSync(folder)) {
    await mkdir(CACHE, { recursive: true });
    const mine = await mkdir(lock).then(
      () => true,
      () => false,
    );
    if (mine) await download(folder).finally(() => rmdir(lock));
    else await eventually(() => existsSync(folder) || !existsSync(lock), DOWNLOAD_TIMEOUT_MS);
  }
  return folder;
}

async function download(folder: string): Promise<void> {
  const draft = `${folder}.draft`;
  await rm(draft, { recursive: true, force: true });
  const goal = ['dependency:copy-dependencies', `-DoutputDirectory=${draft}`, '-DincludeScope=runtime'];
  await promisify(execFile)('mvn', ['-q', '-B', '-f', join(ENGINE, 'pom.xml'), ...goal], { timeout: DOWNLOAD_TIMEOUT_MS });
  await rename(draft, folder);
}
