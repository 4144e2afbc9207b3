import { Global, Inject, Module, type OnApplicationShutdown } from '@nestjs/common';
import { ConfigService } from '@nestjs/config';
import type { Config } from '#libs/config/config.js';
import { InProcessBroker } from './in-process.broker.js';
import { KafkaClient } from './kafka.client.js';
import { MESSAGE_BROKER, type MessageBroker } from './message.js';

/** Provides the MessageBroker that `API_KAFKA_BOOTSTRAP` asks for. It connects when it is first used. */
@Global()
@Module({
  providers: [
    {
      provide: MESSAGE_BROKER,
      inject: [ConfigService],
      useFactory: (config: ConfigService<Config, true>): MessageBroker => createMessageBroker(config),
    },
  ],
  exports: [MESSAGE_BROKER],
})
export class KafkaModule implements OnApplicationShutdown {
  constructor(@Inject(MESSAGE_BROKER) private readonly broker: MessageBroker) {}

  /** After Nest has closed the microservices, whose last batches may still need the producer. */
  async onApplicationShutdown(): Promise<void> {
    await this.broker.close();
  }
}

function createMessageBroker(config: ConfigService<Config, true>): MessageBroker {
  const bootstrap = config.get('kafkaBootstrap', { infer: true });
  if (bootstrap === 'in-process') return new InProcessBroker(config.get('databaseUrl', { infer: true }));
  const { tls, ca, sasl, replicationFactor } = config.get('kafka', { infer: true });
  const secured = tls ? { ca: ca ?? undefined } : null;
  return new KafkaClient({ brokers: bootstrap.split(','), clientId: 'access-governance', tls: secured, sasl, replicationFactor });
}
