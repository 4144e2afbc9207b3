/** What the statements below are about: tables, partitions, heirs, views of each kind, names that need quotes, and one name in two schemas. */
export const SCHEMA = `
  CREATE ROLE subject LOGIN; CREATE ROLE keeper;
  CREATE SCHEMA app; CREATE SCHEMA "Odd Place"; CREATE SCHEMA aside;
  GRANT ALL ON SCHEMA app, "Odd Place", aside, public TO subject, keeper;
  CREATE TABLE app.customers (id int PRIMARY KEY, name text, region int, email text, born date);
  CREATE TABLE app.orders (id int PRIMARY KEY, customer_id int, total numeric, note text, placed timestamptz, tags text[], body jsonb);
  CREATE TABLE app.items (order_id int, product_id int, quantity int, price numeric, PRIMARY KEY (order_id, product_id));
  CREATE TABLE app.products (id int CONSTRAINT products_key PRIMARY KEY, title text, price numeric, parts int[]);
  CREATE TABLE public.orders (id int, note text);
  CREATE TABLE public.regions (id int PRIMARY KEY, name text, parent_id int);
  CREATE TABLE aside.ledger (id int, amount numeric);
  CREATE TABLE "Odd Place"."Order ""Lines""" ("Line Id" int PRIMARY KEY, "Qty" int);
  CREATE TABLE app.log (at date NOT NULL, level int, line text) PARTITION BY RANGE (at);
  CREATE TABLE app.log_2025 PARTITION OF app.log FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
  CREATE TABLE app.log_2026 PARTITION OF app.log FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
  CREATE TABLE app.animals (id int, name text); CREATE TABLE app.dogs (breed text) INHERITS (app.animals);
  CREATE SEQUENCE app.numbers; GRANT ALL ON app.numbers TO subject;
  INSERT INTO app.customers VALUES (1, 'one', 1, 'a@x', '2000-01-01'), (2, 'two', 2, 'b@x', '2001-01-01');
  INSERT INTO app.orders VALUES (1, 1, 10, 'n', now(), '{a,b}', '{"k": 1}'), (2, 2, 20, 'm', now(), '{c}', '{}');
  INSERT INTO app.items VALUES (1, 1, 2, 5), (2, 2, 1, 20);
  INSERT INTO app.products VALUES (1, 'p', 5, '{1,2}'), (2, 'q', 20, '{}');
  CREATE VIEW app.open_orders AS SELECT id, customer_id, total, note FROM app.orders WHERE total > 0;
  CREATE VIEW app.top_orders AS SELECT * FROM app.open_orders WHERE total > 5;
  CREATE VIEW app.customer_totals AS SELECT c.id, c.name, sum(o.total) AS total FROM app.customers c JOIN app.orders o ON o.customer_id = c.id GROUP BY c.id, c.name;
  CREATE VIEW app.own_orders WITH (security_invoker = true) AS SELECT id, note, total FROM app.orders;
  CREATE VIEW app.over_own AS SELECT id, note FROM app.own_orders;
  CREATE VIEW app.own_over_open WITH (security_invoker) AS SELECT id, total FROM app.open_orders;
  CREATE VIEW app.known_customers AS SELECT id, name FROM app.customers WHERE region IN (SELECT id FROM public.regions);
  CREATE MATERIALIZED VIEW app.totals AS SELECT customer_id, sum(total) AS total FROM app.orders GROUP BY customer_id;
  DO $$ DECLARE name text; BEGIN
    FOREACH name IN ARRAY '{open_orders,top_orders,customer_totals,own_orders,over_own,own_over_open,known_customers,totals}'::text[] LOOP
      EXECUTE format('ALTER TABLE app.%I OWNER TO keeper; REVOKE ALL ON app.%I FROM keeper', name, name);
    END LOOP;
  END $$;
  CREATE FUNCTION app.twice(n int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT n * 2';
  CREATE FUNCTION app.pair(n int, OUT a int, OUT b int) RETURNS SETOF record LANGUAGE plpgsql AS $$ BEGIN a := n; b := n + 1; RETURN NEXT; END $$;
  GRANT TEMPORARY ON DATABASE postgres TO subject;
  ALTER ROLE subject SET search_path TO app, public`;

const SELECTS = [
  'SELECT 1',
  'SELECT * FROM orders',
  'SELECT count(*) FROM orders',
  'SELECT id FROM app.orders WHERE total > 5 ORDER BY placed DESC LIMIT 3 OFFSET 1',
  'SELECT o.* FROM orders AS o',
  'SELECT o FROM orders o',
  'SELECT (o).note FROM orders o',
  'SELECT id FROM public.orders',
  'SELECT public.orders.note FROM public.orders',
  'SELECT amount FROM aside.ledger',
  'SELECT l.amount, l.* FROM aside.ledger l (k, amount)',
  'TABLE regions',
  'TABLE ONLY animals',
  'SELECT name FROM animals',
  'SELECT name FROM ONLY app.animals',
  'SELECT name, breed FROM dogs',
  'SELECT tableoid::regclass, ctid, xmin FROM orders',
  'SELECT DISTINCT customer_id FROM orders',
  'SELECT DISTINCT ON (customer_id) id, total FROM orders ORDER BY customer_id, total DESC',
  'SELECT customer_id, sum(total) FROM orders GROUP BY customer_id HAVING sum(total) > 3',
  'SELECT customer_id, sum(total) FROM orders GROUP BY ROLLUP (customer_id)',
  'SELECT region, count(*) FILTER (WHERE born > date $$2000-06-01$$) FROM customers GROUP BY GROUPING SETS ((region), ())',
  'SELECT id, row_number() OVER (PARTITION BY customer_id ORDER BY placed) FROM orders',
  'SELECT id, avg(total) OVER w FROM orders WINDOW w AS (ORDER BY id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)',
  'SELECT "Qty" FROM "Odd Place"."Order ""Lines""" WHERE "Line Id" = 4',
  'SELECT l."Qty" AS "q t" FROM "Odd Place"."Order ""Lines""" l ORDER BY "q t"',
  'SELECT last_value FROM numbers',
  `SELECT nextval('app.numbers')`,
  'SELECT relname FROM pg_class LIMIT 1',
  'SELECT c.relname, o.id FROM pg_catalog.pg_class c, orders o LIMIT 1',
  'SELECT table_name FROM information_schema.tables LIMIT 1',
  'SELECT line FROM log',
  `SELECT line FROM log WHERE at = '2025-03-01'`,
  'SELECT line FROM log_2025',
  'SELECT l.level, count(*) FROM log l GROUP BY 1 ORDER BY 2',
  `SELECT * FROM orders WHERE tags @> ARRAY['a'] AND body ->> 'k' = '1'`,
  `SELECT body #>> '{a,b}', tags[1], tags[1:2] FROM orders`,
  'SELECT CASE WHEN total > 5 THEN note ELSE NULL END, coalesce(note, $$none$$), nullif(total, 0), greatest(id, 2) FROM orders',
  `SELECT extract(year FROM placed), placed AT TIME ZONE 'UTC', placed + interval '1 day' FROM orders`,
  `SELECT trim(both ' ' from note), substring(note from 1 for 2), position('a' in note), overlay(note placing 'x' from 1) FROM orders`,
  `SELECT note LIKE 'a%', note ILIKE '%B', note SIMILAR TO 'x|y', note ~ 'z' FROM orders`,
  'SELECT id::text, CAST(total AS int), note COLLATE "C" FROM orders',
  'SELECT id FROM orders WHERE total BETWEEN 1 AND 5 OR id IN (1, 2, 3) OR note IS NOT NULL',
  'SELECT ROW(id, note), ARRAY[id, 2], ARRAY(SELECT id FROM products) FROM orders',
  'SELECT id FROM orders WHERE (id, customer_id) IN (SELECT order_id, product_id FROM items)',
  'SELECT id FROM orders TABLESAMPLE SYSTEM (50) REPEATABLE (3)',
  'SELECT id FROM orders ORDER BY id FETCH FIRST 2 ROWS WITH TIES',
  `SELECT string_agg(name, ', ' ORDER BY name) FROM customers`,
  'SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY total) FROM orders',
  `SELECT json_build_object('id', id) FROM orders`,
  'SELECT to_jsonb(o) FROM orders o',
  `SELECT xmlelement(name note, note) IS NOT NULL FROM orders WHERE false`,
];

const JOINS = [
  ...['JOIN', 'LEFT JOIN', 'RIGHT OUTER JOIN', 'FULL JOIN'].flatMap((join) => [
    `SELECT c.name, o.total FROM customers c ${join} orders o ON o.customer_id = c.id`,
    `SELECT * FROM orders o ${join} items i ON i.order_id = o.id`,
    `SELECT count(*) FROM customers ${join} regions r ON r.id = customers.region`,
    `SELECT p.title FROM products p ${join} items USING (price)`,
  ]),
  'SELECT * FROM customers NATURAL JOIN regions',
  'SELECT * FROM customers CROSS JOIN products',
  'SELECT customers.name, products.title FROM customers, products WHERE customers.id = products.id',
  'SELECT j.id FROM (customers c JOIN orders o USING (id)) AS j',
  'SELECT a.id, b.id FROM orders a, orders b WHERE a.id < b.id',
  'SELECT a.id, b.id FROM app.orders a, public.orders b WHERE a.id = b.id',
  'SELECT c.name, p.title FROM customers c JOIN orders o ON o.customer_id = c.id JOIN items i ON i.order_id = o.id JOIN products p ON p.id = i.product_id',
  'SELECT c.name FROM customers c LEFT JOIN (orders o JOIN items i ON i.order_id = o.id) ON o.customer_id = c.id',
  'SELECT o.id FROM customers c, LATERAL (SELECT id FROM orders WHERE customer_id = c.id LIMIT 1) o',
  'SELECT c.id, x.total FROM customers c LEFT JOIN LATERAL (SELECT sum(total) AS total FROM orders o WHERE o.customer_id = c.id) x ON true',
  'SELECT s.n FROM (SELECT count(*) AS n FROM items) s',
  'SELECT s.a FROM (SELECT id, total FROM orders) AS s (a, b)',
  'SELECT t.a, r.name FROM (VALUES (1, 2), (3, 4)) AS t (a, b) JOIN regions r ON r.id = t.b',
  'SELECT id FROM customers WHERE EXISTS (SELECT FROM orders WHERE customer_id = customers.id)',
  'SELECT id FROM customers WHERE NOT EXISTS (SELECT 1 FROM orders o WHERE o.customer_id = customers.id AND o.total > 100)',
  'SELECT id FROM customers WHERE id NOT IN (SELECT customer_id FROM orders WHERE customer_id IS NOT NULL)',
  'SELECT id FROM orders WHERE total > ALL (SELECT price FROM products)',
  'SELECT id FROM orders WHERE total = ANY (SELECT price FROM items)',
  'SELECT (SELECT name FROM customers c WHERE c.id = o.customer_id) FROM orders o',
  'SELECT id, (SELECT max(price) FROM items) FROM products',
  'SELECT name FROM customers WHERE region = (SELECT id FROM regions ORDER BY name LIMIT 1)',
  'SELECT count(*) FROM orders WHERE id > (SELECT avg(quantity) FROM items WHERE product_id = (SELECT min(id) FROM products))',
  'SELECT l."Qty", o.id FROM "Odd Place"."Order ""Lines""" l JOIN orders o ON o.id = l."Line Id"',
  'SELECT g.day, count(l.line) FROM generate_series(date $$2026-01-01$$, date $$2026-01-03$$, interval $$1 day$$) AS g (day) LEFT JOIN log l ON l.at = g.day GROUP BY 1',
];

const SETS_AND_TABLES = [
  ...['UNION', 'UNION ALL', 'INTERSECT', 'EXCEPT'].flatMap((operator) => [
    `SELECT id FROM orders ${operator} SELECT id FROM customers`,
    `SELECT name FROM customers WHERE region = 1 ${operator} SELECT name FROM regions ORDER BY name LIMIT 5`,
    `(SELECT id FROM products ORDER BY id LIMIT 1) ${operator} (SELECT product_id FROM items LIMIT 1)`,
  ]),
  'SELECT id FROM orders UNION SELECT id FROM customers UNION ALL SELECT id FROM products EXCEPT SELECT order_id FROM items',
  'SELECT * FROM (SELECT id FROM orders UNION SELECT id FROM regions) u WHERE u.id > 1',
  'VALUES (1), (2)',
  'VALUES ((SELECT count(*) FROM orders)), (2)',
  'WITH w AS (SELECT id FROM orders) SELECT * FROM w',
  'WITH w AS MATERIALIZED (SELECT id FROM orders) SELECT * FROM w JOIN customers USING (id)',
  'WITH a AS (SELECT id FROM orders), b AS (SELECT id FROM a JOIN customers USING (id)) SELECT count(*) FROM b',
  'WITH orders AS (SELECT id FROM products) SELECT * FROM orders',
  'WITH orders AS (SELECT id FROM app.orders) SELECT * FROM orders, app.orders o',
  'WITH orders AS (SELECT id FROM orders) SELECT count(*) FROM orders',
  'WITH w (k) AS (SELECT id FROM regions) SELECT k FROM w WHERE k IN (WITH v AS (SELECT id FROM products) SELECT id FROM v)',
  'WITH RECURSIVE up AS (SELECT id, parent_id FROM regions WHERE id = 1 UNION ALL SELECT r.id, r.parent_id FROM regions r JOIN up ON r.id = up.parent_id) SELECT * FROM up',
  'WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 5) SELECT i FROM n',
  'WITH RECURSIVE n (i) AS (SELECT 1 UNION SELECT i + 1 FROM n WHERE i < 3) SELECT o.note FROM n JOIN orders o ON o.id = n.i',
  'SELECT * FROM (WITH w AS (SELECT id FROM items JOIN products ON id = product_id) SELECT * FROM w) s',
  'SELECT * FROM customers c, (WITH c AS (SELECT 1 AS one) SELECT one FROM c) s',
  'SELECT * FROM generate_series(1, 3)',
  'SELECT * FROM generate_series(1, 3) WITH ORDINALITY AS g (n, o)',
  'SELECT n FROM unnest(ARRAY[1, 2]) AS n',
  'SELECT o.id, tag FROM orders o, unnest(o.tags) AS tag',
  'SELECT o.id, k, v FROM orders o, jsonb_each_text(o.body) AS e (k, v)',
  'SELECT * FROM ROWS FROM (generate_series(1, 2), generate_series(1, 3)) AS r (a, b)',
  'SELECT twice(id) FROM products',
  'SELECT p.a FROM app.pair(3) p',
  'SELECT p.b FROM orders o, app.pair(o.id) p',
  'SELECT * FROM products, LATERAL app.pair(products.id)',
  `SELECT * FROM json_to_recordset('[{"a": 1}]') AS r (a int)`,
  `SELECT o.id, t.k FROM orders o, JSON_TABLE(o.body, '$' COLUMNS (k int PATH '$.k')) t`,
  `SELECT * FROM XMLTABLE('/a' PASSING (NULL::xml) COLUMNS x int) WHERE false`,
  'SELECT now(), current_user, pg_backend_pid()',
  'SELECT * FROM pg_stat_activity LIMIT 0',
];

const VIEWS = [
  ...['open_orders', 'top_orders', 'customer_totals', 'own_orders', 'over_own', 'own_over_open', 'known_customers', 'totals'].flatMap(
    (view) => [
      `SELECT * FROM ${view}`,
      `SELECT count(*) FROM app.${view} v`,
      `SELECT 1 FROM products p WHERE EXISTS (SELECT FROM ${view})`,
      `WITH w AS (SELECT * FROM ${view}) SELECT w.* FROM w LEFT JOIN regions r ON true`,
    ],
  ),
  'SELECT a.id FROM open_orders a JOIN orders b USING (id)',
  'SELECT v.name FROM customer_totals v JOIN known_customers k ON k.id = v.id WHERE v.total > 1',
  `UPDATE open_orders SET note = 'x'`,
  `UPDATE open_orders SET note = 'x' WHERE id = 1`,
  `UPDATE top_orders SET note = 'x' WHERE id = 1 RETURNING total`,
  `UPDATE own_orders SET note = 'x' WHERE total > 1`,
  `UPDATE over_own SET note = note || 'x'`,
  `UPDATE own_over_open SET total = 3`,
  `UPDATE known_customers SET name = 'x'`,
  `UPDATE known_customers SET name = r.name FROM regions r WHERE r.id = known_customers.id`,
  'DELETE FROM open_orders',
  'DELETE FROM top_orders WHERE id = 3',
  'DELETE FROM known_customers WHERE id = 9',
  'DELETE FROM over_own',
  'DELETE FROM own_orders o USING customers c WHERE c.id = o.id',
  `INSERT INTO open_orders (id, note) VALUES (7, 'x')`,
  'INSERT INTO top_orders (id, total) SELECT 100 + id, 1 FROM products',
  'INSERT INTO own_orders (id) VALUES (8) RETURNING id',
  'INSERT INTO over_own (id) VALUES (9)',
  'INSERT INTO own_over_open (id) VALUES (10)',
  `INSERT INTO known_customers VALUES (11, 'x')`,
  'SELECT * FROM open_orders FOR UPDATE',
  'SELECT * FROM top_orders FOR SHARE',
  'SELECT * FROM own_orders FOR UPDATE',
  'SELECT * FROM over_own FOR NO KEY UPDATE',
  'MERGE INTO open_orders v USING products p ON p.id = v.id WHEN MATCHED THEN UPDATE SET note = p.title',
];

const WRITES = [
  `INSERT INTO orders (id, note) VALUES (50, 'x')`,
  'INSERT INTO orders VALUES (51)',
  'INSERT INTO orders (id) VALUES (52), (53) RETURNING id, total',
  'INSERT INTO orders (id) VALUES (54) RETURNING 1',
  'INSERT INTO orders (id) VALUES (55) RETURNING *',
  `INSERT INTO orders AS o (id) VALUES (56) RETURNING o.note || 'x'`,
  'INSERT INTO orders (id) VALUES (57) RETURNING (SELECT count(*) FROM items)',
  'INSERT INTO public.orders DEFAULT VALUES',
  'INSERT INTO public.orders SELECT id, note FROM app.orders',
  'INSERT INTO public.orders (id) SELECT c.id FROM customers c JOIN regions r ON r.id = c.region WHERE c.born < now()',
  'INSERT INTO aside.ledger SELECT id, total FROM open_orders',
  'INSERT INTO aside.ledger WITH w AS (SELECT id, price FROM products) SELECT * FROM w',
  'WITH w AS (SELECT id FROM products) INSERT INTO aside.ledger (id) SELECT id FROM w',
  'INSERT INTO aside.ledger VALUES ((SELECT max(id) FROM customers), 2)',
  `INSERT INTO log VALUES ('2026-02-02', 1, 'x')`,
  `INSERT INTO log_2026 (at) VALUES ('2026-02-03')`,
  `INSERT INTO dogs VALUES (1, 'rex', 'poodle')`,
  'INSERT INTO products (id) VALUES (1) ON CONFLICT DO NOTHING',
  'INSERT INTO products (id) VALUES (1) ON CONFLICT (id) DO NOTHING',
  'INSERT INTO products (id) VALUES (1) ON CONFLICT ON CONSTRAINT products_key DO NOTHING',
  `INSERT INTO products (id, title) VALUES (1, 'x') ON CONFLICT (id) DO UPDATE SET title = excluded.title`,
  `INSERT INTO products AS p (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET title = 'y' WHERE p.price > 3`,
  'INSERT INTO products (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET price = (SELECT max(price) FROM items)',
  'INSERT INTO products (id) SELECT product_id FROM items ON CONFLICT (id) DO UPDATE SET price = products.price + 1 RETURNING id',
  `INSERT INTO "Odd Place"."Order ""Lines""" VALUES (1, 2)`,
  'UPDATE orders SET total = 1',
  'UPDATE orders SET total = total + 1',
  'UPDATE orders SET total = 1 WHERE id = 4',
  'UPDATE ONLY animals SET name = $$x$$',
  `UPDATE animals SET name = 'x' WHERE id = 1`,
  'UPDATE orders o SET total = 1 WHERE o.note IS NULL',
  'UPDATE orders SET total = 1 WHERE true',
  'UPDATE orders SET total = DEFAULT',
  'UPDATE orders SET total = (SELECT sum(price) FROM items)',
  'UPDATE orders SET total = (SELECT sum(price) FROM items WHERE order_id = id)',
  'UPDATE orders SET total = (SELECT max(p.id) AS total FROM products p ORDER BY total)',
  'UPDATE orders SET (total, note) = (SELECT price, title FROM products LIMIT 1)',
  `UPDATE orders SET (total, note) = (1, 'x')`,
  `UPDATE orders SET tags[1] = 'x'`,
  'UPDATE orders SET total = c.id FROM customers c',
  'UPDATE orders SET total = c.region FROM customers c WHERE c.name = $$one$$',
  'UPDATE orders SET total = c.region FROM customers c WHERE c.id = customer_id',
  'UPDATE orders SET note = s.name FROM (SELECT name, id FROM customers) s WHERE s.id = orders.customer_id',
  'UPDATE orders SET note = $$x$$ FROM customers c JOIN regions r ON r.id = c.region WHERE r.name = $$north$$',
  'UPDATE orders SET total = 1 RETURNING id',
  'UPDATE orders SET total = 1 RETURNING 5',
  'UPDATE orders SET total = 1 RETURNING old.total, new.total',
  'UPDATE orders SET total = 1 RETURNING WITH (OLD AS o) o.note',
  'UPDATE orders SET note = c.name FROM customers c RETURNING c.name',
  'UPDATE orders SET note = c.name FROM customers c RETURNING *',
  'UPDATE orders SET total = 1 WHERE ctid IS NOT NULL',
  'UPDATE orders SET total = 1 WHERE EXISTS (SELECT FROM items)',
  'UPDATE orders SET total = 1 WHERE EXISTS (SELECT FROM items WHERE order_id = orders.id)',
  'UPDATE orders SET total = 1 WHERE EXISTS (SELECT FROM items, products WHERE id = product_id)',
  'WITH w AS (SELECT id FROM products) UPDATE orders SET total = w.id FROM w',
  'WITH w AS (SELECT id FROM products) UPDATE orders SET total = 2 FROM w WHERE orders.id = w.id',
  'UPDATE log SET level = 2',
  `UPDATE log SET level = 2 WHERE at = '2025-05-05'`,
  'UPDATE "Odd Place"."Order ""Lines""" SET "Qty" = "Qty" + 1',
  'DELETE FROM orders',
  'DELETE FROM orders WHERE id = 77',
  'DELETE FROM ONLY animals WHERE name = $$x$$',
  'DELETE FROM orders WHERE false',
  'DELETE FROM orders o WHERE o.note LIKE $$x%$$',
  'DELETE FROM orders USING customers c WHERE c.id = customer_id',
  'DELETE FROM orders USING customers c WHERE c.name = $$nobody$$',
  'DELETE FROM items USING orders o JOIN customers c ON c.id = o.customer_id WHERE o.id = order_id AND c.region = 9',
  'DELETE FROM orders RETURNING note',
  'DELETE FROM orders RETURNING 1',
  'DELETE FROM orders WHERE id IN (SELECT order_id FROM items)',
  'DELETE FROM public.orders WHERE EXISTS (SELECT FROM app.orders)',
  'DELETE FROM log WHERE at < $$2025-02-01$$',
  'WITH gone AS (DELETE FROM items RETURNING order_id) SELECT count(*) FROM gone',
  'WITH gone AS (DELETE FROM items RETURNING *) INSERT INTO aside.ledger SELECT order_id, price FROM gone',
  'WITH made AS (INSERT INTO aside.ledger VALUES (1, 1) RETURNING id) UPDATE orders SET total = made.id FROM made',
  'WITH a AS (UPDATE products SET price = 1), b AS (DELETE FROM regions WHERE id = 2) SELECT 1',
  'WITH w AS (SELECT id FROM customers) DELETE FROM orders WHERE id IN (SELECT id FROM w)',
];

const MERGES = [
  'MERGE INTO products p USING items i ON p.id = i.product_id WHEN MATCHED THEN UPDATE SET price = i.price',
  'MERGE INTO products p USING items i ON p.id = i.product_id WHEN MATCHED THEN DELETE',
  'MERGE INTO products p USING items i ON p.id = i.product_id WHEN NOT MATCHED THEN INSERT (id) VALUES (i.product_id)',
  'MERGE INTO products p USING items i ON p.id = i.product_id WHEN MATCHED AND i.quantity > 90 THEN DELETE WHEN MATCHED THEN UPDATE SET title = p.title WHEN NOT MATCHED THEN INSERT VALUES (i.product_id, $$new$$)',
  'MERGE INTO products p USING (SELECT id, total FROM orders) o ON o.id = p.id WHEN MATCHED THEN DO NOTHING WHEN NOT MATCHED THEN INSERT (id) VALUES (o.id)',
  'MERGE INTO products p USING orders o ON false WHEN NOT MATCHED THEN INSERT (id) VALUES (o.id + 1000)',
  'MERGE INTO products USING orders o ON o.id = products.id WHEN NOT MATCHED BY SOURCE THEN UPDATE SET price = 0',
  'MERGE INTO products p USING customers c ON p.id = c.id WHEN MATCHED THEN UPDATE SET title = c.name RETURNING merge_action(), c.name',
  'MERGE INTO products p USING customers c ON p.id = c.id WHEN MATCHED THEN UPDATE SET title = (SELECT name FROM regions LIMIT 1) RETURNING p.*',
  'WITH w AS (SELECT id FROM customers) MERGE INTO products p USING w ON p.id = w.id WHEN MATCHED THEN DELETE',
  'MERGE INTO aside.ledger l USING open_orders v ON v.id = l.id WHEN NOT MATCHED THEN INSERT VALUES (v.id, v.total)',
];

const LOCKS = [
  ...['UPDATE', 'NO KEY UPDATE', 'SHARE', 'KEY SHARE'].flatMap((strength) => [
    `SELECT id FROM orders WHERE id = 1 FOR ${strength}`,
    `SELECT o.id FROM orders o JOIN customers c ON c.id = o.customer_id FOR ${strength} OF o`,
  ]),
  'SELECT o.id FROM orders o JOIN customers c ON c.id = o.customer_id FOR UPDATE SKIP LOCKED',
  'SELECT o.id FROM orders o, customers c FOR UPDATE OF o FOR SHARE OF c NOWAIT',
  'SELECT s.id FROM (SELECT id FROM orders) s FOR UPDATE',
  'SELECT s.id FROM (SELECT id FROM orders FOR UPDATE) s, regions',
  'SELECT s.id FROM (SELECT o.id FROM orders o, (SELECT id FROM items, products) x) s FOR SHARE OF s',
  'WITH w AS (SELECT id FROM orders) SELECT * FROM w, regions FOR UPDATE',
  'SELECT id FROM products WHERE id IN (SELECT product_id FROM items) FOR UPDATE',
  'DELETE FROM orders WHERE id IN (SELECT id FROM products FOR UPDATE SKIP LOCKED)',
];

const UTILITIES = [
  'EXPLAIN SELECT id FROM orders',
  'EXPLAIN (ANALYZE, COSTS OFF) UPDATE orders SET total = 1',
  'DECLARE hand CURSOR FOR SELECT id FROM orders JOIN items ON order_id = id',
  'CREATE TEMP TABLE kept AS SELECT id FROM orders',
  'SELECT note INTO TEMP copied FROM orders',
  'CREATE TEMP TABLE kept AS TABLE regions',
  'TRUNCATE aside.ledger',
  'TRUNCATE TABLE orders, items',
];

/** In the style of PostgreSQL's own regression tests: what people write to read and change tables. */
export const STATEMENTS: readonly string[] = [
  ...[...SELECTS, ...JOINS, ...SETS_AND_TABLES, ...VIEWS, ...WRITES, ...MERGES, ...LOCKS, ...UTILITIES],
];
