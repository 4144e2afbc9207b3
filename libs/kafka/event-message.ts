import type { OutboundMessage } from './message.js';

/** An event as the outbox holds it once it has its place in the chain. */
export interface SequencedEvent {
  sequence: number | string;
  prevHash: string;
  hash: string;
  /** The canonical text that the hash covers. */
  canonical: string;
}

interface Item {
  id: string;
  action: string;
  time: string;
  resource: { type: string; id: string };
}

/**
 * The message that an event is on the topic `governance.events`, on Kafka and on its in-process twin alike: a CloudEvent 1.0 in the binary mode
 * of the Kafka protocol binding. The value is the canonical text byte for byte, so whoever reads the topic can check the hash; the
 * attributes of CloudEvents, and the extensions `sequence`, `prevhash` and `hash`, are headers.
 */
export function eventMessage({
  sequence,
  prevHash,
  hash,
  canonical,
}: SequencedEvent): OutboundMessage & { headers: Record<string, string> } {
  const { id, action, time, resource } = JSON.parse(canonical) as Item;
  return {
    key: resource.id,
    value: canonical,
    headers: {
      'content-type': 'application/json',
      ce_specversion: '1.0',
      ce_id: id,
      ce_type: action,
      ce_source: '/access-governance',
      ce_subject: `${resource.type}/${resource.id}`,
      ce_time: time,
      ce_sequence: String(sequence),
      ce_prevhash: prevHash,
      ce_hash: hash,
    },
  };
}
