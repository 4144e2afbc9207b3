import { readFile } from 'node:fs/promises';
import { loadConnectorConfig } from '#apps/connector-postgres/src/connector.config.js';
import { localSettings } from '#apps/local/src/local-settings.js';
import type { Environment } from '#libs/config/config.js';
import { loadConfig } from '#libs/config/config.js';

const file = (name: string): Promise<string> => readFile(new URL(`../../${name}`, import.meta.url), 'utf8');

/** The names that a reader of the environment asks for, by their prefix. */
function namesRead(read: (environment: Environment) => unknown, prefix: string): string[] {
  const names = new Set<string>();
  const environment = new Proxy<Environment>({}, { get: (_, name) => void names.add(String(name)) });
  try {
    read(environment);
  } catch {
    // What is required is not there; every name was asked for all the same.
  }
  return [...names].filter((name) => name.startsWith(prefix)).sort();
}

async function exampleLines(): Promise<{ name: string; before: string }[]> {
  const lines = (await file('.env.example')).split('\n');
  return lines.flatMap((line, index) => {
    const name = /^#?([A-Z][A-Z0-9_]*)=/.exec(line)?.[1];
    return name === undefined ? [] : [{ name, before: lines[index - 1] ?? '' }];
  });
}

describe('.env.example', () => {
  it.each([
    ['API_', loadConfig],
    ['LOCAL_', localSettings],
    ['CONNECTOR_', loadConnectorConfig],
  ] as const)('has every variable %s… that is read, and no other', async (prefix, read) => {
    const listed = (await exampleLines()).map(({ name }) => name).filter((name) => name.startsWith(prefix));
    expect(listed.sort()).toEqual(namesRead(read, prefix));
  });

  it('has every variable that docker-compose.yml takes from outside', async () => {
    const compose = await file('docker-compose.yml');
    const taken = [...compose.matchAll(/\$\{([A-Z0-9_]+)|^ +(API_[A-Z0-9_]+):$/gm)].map((match) => match[1] ?? match[2]);
    const listed = (await exampleLines()).map(({ name }) => name);
    expect(taken.length).toBeGreaterThan(10);
    expect(taken.filter((name) => name !== undefined && !listed.includes(name))).toEqual([]);
  });

  it('has no variable of the apps that docker-compose.yml would leave behind, but for what it settles itself', async () => {
    // Where to listen inside a container, and how to speak with brokers that are not its own.
    const settled = /^API_(HOST|PORT|KAFKA_(TLS|CA|SASL_.*))$/;
    const compose = await file('docker-compose.yml');
    const listed = (await exampleLines()).map(({ name }) => name).filter((name) => name.startsWith('API_') && !settled.test(name));
    expect(listed.filter((name) => !new RegExp(`^ +${name}:`, 'm').test(compose))).toEqual([]);
  });

  it('says in one line of each what it is, and names none twice', async () => {
    const lines = await exampleLines();
    expect(lines.filter(({ before }) => !/^# \S.*\.$/.test(before))).toEqual([]);
    expect(new Set(lines.map(({ name }) => name)).size).toBe(lines.length);
  });
});
