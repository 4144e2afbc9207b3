import { describeWithKafka } from '../../test/support/kafka-server.js';
import { inProcessGround, kafkaGround } from '../../test/transport/grounds.js';
import { transportContract } from '../../test/transport/transport-contract.js';

describeWithKafka('the transport on Kafka', () => transportContract(kafkaGround), { own: true });

describe('the transport on its in-process twin', () => {
  transportContract(inProcessGround);
});
