BEGIN TRANSACTION;
CREATE TABLE journal (
  session_id TEXT NOT NULL, seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, kind TEXT NOT NULL,
  strategy_id TEXT, cause INTEGER, body TEXT NOT NULL);
INSERT INTO "journal" VALUES('old',1,1672790400000000000,'session.started',NULL,NULL,'{"mode":"backtest","code_version":"0.1.0","seed":0,"config":{"mode":"backtest","seed":0,"clock":{"type":"historical","start_date":null,"end_date":null,"speed":"max","market_hours_only":false},"data":{"type":"historical","source":"csv","path":"prices.csv","name":null,"session":null,"feed":null,"symbols":null,"stamps":null,"asset_class":null,"calendar":"24/7","interval":null},"execution":{"type":"simulated","broker":null,"endpoint":null,"slippage":{"model":"none","params":{}},"latency":{"mean_ms":0.0,"std_ms":0.0},"commission":{"model":"none","params":{}},"participation":"0.1","limit_fill":"through"},"strategies":[{"name":"often","class":"often.py","enabled":true,"capital":"10000","symbols":null,"params":{},"risk_limits":{"max_position_size":null,"max_leverage":null,"allow_short":null}}],"features":{"cache":true,"compute_on_demand":true},"marks":"auto","report":{"path":null}},"strategies":[{"name":"often","version":"1","params":{},"capital":"10000","symbols":["ABC"],"limits":{"max_position_size":null,"max_leverage":"1","allow_short":true},"class":"often.py","source_sha256":"54593dc7730ae517c0358d0c451b60cbba280e5fceaefc1882054356b67e4a36"}],"instruments":[{"symbol":"ABC","asset_class":"generic","currency":"USD","tick_size":"0","lot_size":"1E-8","min_notional":"0","multiplier":"1","calendar":"24/7"}],"data":{"source":"csv","path":"prices.csv","name":null,"symbols":null,"start":null,"end":null,"stamps":null,"asset_class":null,"calendar":"24/7","interval":null,"market_hours_only":false,"speed":null,"expected_cost":"0","interval_ns":86400000000000,"first_at":1672790400000000000,"last_at":1673222400000000000,"events":6},"schema":1}');
INSERT INTO "journal" VALUES('old',2,1672790400000000000,'mark','often',NULL,'{"strategy":"often","equity":10000.0,"cash":10000.0,"gross":0.0,"net":0.0}');
INSERT INTO "journal" VALUES('old',3,1672790400000000000,'prices',NULL,NULL,'{"prices":[100.5]}');
INSERT INTO "journal" VALUES('old',4,1672876800000000000,'signal','often',NULL,'{"id":1,"strategy":"often","symbol":"ABC","type":"entry","conditions":["second bar"]}');
INSERT INTO "journal" VALUES('old',5,1672876800000000000,'order.submitted','often',NULL,'{"id":1,"strategy":"often","symbol":"ABC","side":"buy","quantity":"1","type":"market","time_in_force":"gtc","submitted_at":1672876800000000000,"signal_id":1}');
INSERT INTO "journal" VALUES('old',6,1672876800000000000,'order.submitted','often',NULL,'{"id":2,"strategy":"often","symbol":"ABC","side":"buy","quantity":"1","type":"limit","time_in_force":"gtc","submitted_at":1672876800000000000,"limit":"1"}');
INSERT INTO "journal" VALUES('old',7,1672876800000000000,'order.accepted','often',6,'{"order_id":2,"strategy":"often","symbol":"ABC"}');
INSERT INTO "journal" VALUES('old',8,1672876800000000000,'prices',NULL,NULL,'{"prices":[101.5]}');
INSERT INTO "journal" VALUES('old',9,1672963200000000000,'order.filled','often',NULL,'{"id":1,"order_id":1,"strategy":"often","symbol":"ABC","quantity":"1","price":"102.0","fee":"0","slippage":"0","executed_at":1672876800000000000,"remaining":"0"}');
INSERT INTO "journal" VALUES('old',10,1672963200000000000,'position','often',9,'{"id":1,"strategy":"often","symbol":"ABC","change":"opened","quantity":"1","cost":"102.0","realised":"0","fill_id":1}');
INSERT INTO "journal" VALUES('old',11,1672963200000000000,'mark','often',NULL,'{"strategy":"often","equity":10000.5,"cash":9898.0,"gross":102.5,"net":102.5}');
INSERT INTO "journal" VALUES('old',12,1672963200000000000,'prices',NULL,NULL,'{"prices":[102.5]}');
INSERT INTO "journal" VALUES('old',13,1673049600000000000,'order.submitted','often',NULL,'{"id":3,"strategy":"often","symbol":"ABC","side":"sell","quantity":"1","type":"market","time_in_force":"gtc","submitted_at":1673049600000000000}');
INSERT INTO "journal" VALUES('old',14,1673049600000000000,'order.cancel_requested','often',NULL,'{"order_id":2,"strategy":"often","symbol":"ABC"}');
INSERT INTO "journal" VALUES('old',15,1673049600000000000,'order.cancelled','often',14,'{"order_id":2,"strategy":"often","symbol":"ABC","reason":"by request"}');
INSERT INTO "journal" VALUES('old',16,1673049600000000000,'order.denied','often',NULL,'{"order":{"id":4,"strategy":"often","symbol":"ABC","side":"sell","quantity":"99","type":"market","time_in_force":"gtc","submitted_at":1673049600000000000},"code":"owned","reason":"sell 99 of ABC but 1 is owned; use short"}');
INSERT INTO "journal" VALUES('old',17,1673049600000000000,'mark','often',NULL,'{"strategy":"often","equity":10001.5,"cash":9898.0,"gross":103.5,"net":103.5}');
INSERT INTO "journal" VALUES('old',18,1673049600000000000,'prices',NULL,NULL,'{"prices":[103.5]}');
INSERT INTO "journal" VALUES('old',19,1673136000000000000,'order.filled','often',NULL,'{"id":2,"order_id":3,"strategy":"often","symbol":"ABC","quantity":"-1","price":"104.0","fee":"0","slippage":"0","executed_at":1673049600000000000,"remaining":"0"}');
INSERT INTO "journal" VALUES('old',20,1673136000000000000,'position','often',19,'{"id":1,"strategy":"often","symbol":"ABC","change":"closed","quantity":"0","cost":"0","realised":"2.0","fill_id":2}');
INSERT INTO "journal" VALUES('old',21,1673136000000000000,'mark','often',NULL,'{"strategy":"often","equity":10002.0,"cash":10002.0,"gross":0.0,"net":0.0}');
INSERT INTO "journal" VALUES('old',22,1673136000000000000,'prices',NULL,NULL,'{"prices":[104.5]}');
INSERT INTO "journal" VALUES('old',23,1673222400000000000,'prices',NULL,NULL,'{"prices":[105.5]}');
INSERT INTO "journal" VALUES('old',24,1673222400000000000,'strategy.ended','often',NULL,'{"strategy":"often","status":"finished"}');
INSERT INTO "journal" VALUES('old',25,1673222400000000000,'session.ended',NULL,NULL,'{"status":"completed","events":6,"fingerprint":"1b5dea915711962ba7a7caacf375682892a006d6c98e7b2ae71d2845aa705e6e"}');
CREATE TABLE session (key TEXT PRIMARY KEY, value TEXT NOT NULL);
INSERT INTO "session" VALUES('session_id','old');
INSERT INTO "session" VALUES('started_at','2026-11-21T15:55:20.352+00:00');
INSERT INTO "session" VALUES('mode','backtest');
INSERT INTO "session" VALUES('ended_at','2026-11-21T15:55:20.356+00:00');
INSERT INTO "session" VALUES('status','completed');
CREATE TRIGGER journal_keeps_rows BEFORE DELETE ON journal BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER journal_keeps_facts BEFORE UPDATE ON journal BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE VIEW orders AS SELECT session_id, seq, at, strategy_id,
  json_extract(body, '$.id') AS order_id, json_extract(body, '$.symbol') AS symbol, json_extract(body, '$.side') AS side,
  json_extract(body, '$.type') AS type, json_extract(body, '$.quantity') AS quantity, json_extract(body, '$.limit') AS "limit",
  json_extract(body, '$.stop') AS stop, json_extract(body, '$.time_in_force') AS time_in_force,
  json_extract(body, '$.signal_id') AS signal_id, json_extract(body, '$.tag') AS tag
  FROM journal WHERE kind = 'order.submitted';
CREATE VIEW order_events AS SELECT session_id, seq, at, strategy_id, substr(kind, 7) AS event,
  coalesce(json_extract(body, '$.order_id'), json_extract(body, '$.id'), json_extract(body, '$.order.id')) AS order_id,
  coalesce(json_extract(body, '$.symbol'), json_extract(body, '$.order.symbol')) AS symbol,
  json_extract(body, '$.code') AS code, json_extract(body, '$.reason') AS reason
  FROM journal WHERE kind LIKE 'order.%';
CREATE VIEW fills AS SELECT session_id, seq, at, strategy_id,
  json_extract(body, '$.id') AS fill_id, json_extract(body, '$.order_id') AS order_id, json_extract(body, '$.symbol') AS symbol,
  json_extract(body, '$.quantity') AS quantity, json_extract(body, '$.price') AS price, json_extract(body, '$.fee') AS fee,
  json_extract(body, '$.slippage') AS slippage, json_extract(body, '$.executed_at') AS executed_at
  FROM journal WHERE kind IN ('order.filled', 'order.partly_filled');
CREATE VIEW positions AS SELECT session_id, seq, at, strategy_id,
  json_extract(body, '$.id') AS position_id, json_extract(body, '$.symbol') AS symbol, json_extract(body, '$.change') AS change,
  json_extract(body, '$.quantity') AS quantity, json_extract(body, '$.cost') AS cost,
  json_extract(body, '$.realised') AS realised, json_extract(body, '$.fill_id') AS fill_id
  FROM journal WHERE kind = 'position';
CREATE VIEW signals AS SELECT session_id, seq, at, strategy_id,
  json_extract(body, '$.id') AS signal_id, json_extract(body, '$.symbol') AS symbol, json_extract(body, '$.type') AS type,
  json_extract(body, '$.conditions') AS conditions, json_extract(body, '$.values') AS "values"
  FROM journal WHERE kind = 'signal';
COMMIT;
