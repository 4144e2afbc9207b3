import { describeWithKafka, KafkaServer } from '../support/kafka-server.js';
import { startScoresGround } from './scores-ground.js';
import { visibleUseContract } from './visible-use.js';

describe('an accepted use, in process', () => {
  visibleUseContract(async () => {
    const ground = await startScoresGround();
    return { ground, close: () => ground.close() };
  });
});

describeWithKafka(
  'an accepted use, on Kafka',
  () =>
    visibleUseContract(async () => {
      const kafka = await KafkaServer.start({ own: true });
      const ground = await startScoresGround({ environment: { API_KAFKA_BOOTSTRAP: kafka.bootstrap } });
      return {
        ground,
        close: async () => {
          await ground.close();
          await kafka.remove();
        },
      };
    }),
  { own: true },
);
