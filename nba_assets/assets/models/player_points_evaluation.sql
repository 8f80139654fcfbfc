-- Every predictor's error on the same player-games: those predicted and played.
WITH outcomes AS (
  SELECT p.*, s.pts
  FROM player_points_predictions AS p
  JOIN player_game_summary AS s
    ON s.game_date = p.game_date AND s.game_id = p.game_id AND s.player_id = p.player_id
  WHERE s.played
),
predicted AS (
  SELECT
    game_date, game_id, information_set, 'xgboost' AS predictor, expected_minutes, pts,
    predicted_points AS points,
    IF(pts >= points_q10 AND pts <= points_q90, 1, 0) AS inside
  FROM outcomes
  UNION ALL
  SELECT game_date, game_id, information_set, 'rules_core', expected_minutes, pts,
    rules_core, NULL
  FROM outcomes
  UNION ALL
  SELECT game_date, game_id, information_set, 'last_10_average', expected_minutes, pts,
    last_10_average, NULL
  FROM outcomes
  UNION ALL
  SELECT game_date, game_id, information_set, 'season_average', expected_minutes, pts,
    season_average, NULL
  FROM outcomes
),
populated AS (
  SELECT *, 'all' AS population FROM predicted
  UNION ALL
  SELECT *, 'regulars' AS population FROM predicted WHERE expected_minutes >= 20
)
SELECT
  game_date, game_id, information_set, predictor, population,
  COUNT(*) AS player_games,
  SUM(ABS(points - pts)) AS absolute_error_sum,
  AVG(ABS(points - pts)) AS mae,
  AVG(points - pts) AS bias,
  SUM(inside) AS within_80
FROM populated
GROUP BY game_date, game_id, information_set, predictor, population
