-- What was known of each expected player before the game. A player is expected for the team of his
-- latest earlier box-score line (played or not) of the season, if that is no older than 21 days. Two
-- teams may list him on the day of his trade: he belongs to the one he came to.
-- Players who did not play are out of the windows before these are taken.
WITH sightings AS (
  SELECT
    player_id, player_name, season, team, game_date,
    LEAD(game_date) OVER (
      PARTITION BY player_id, season ORDER BY game_date, first_seen, team
    ) AS next_game_date
  FROM (
    SELECT
      player_id, player_name, season, team, game_date,
      MIN(game_date) OVER (PARTITION BY player_id, season, team) AS first_seen
    FROM player_game_summary_before
  ) AS lines
),
windows AS (
  SELECT
    team, season, game_date,
    LEAD(game_date) OVER (PARTITION BY team, season ORDER BY game_date) AS next_game_date,
    COUNT(*) OVER (
      PARTITION BY team, season ORDER BY game_date
      ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS games
  FROM (SELECT DISTINCT team, season, game_date, game_id FROM player_game_summary_before) AS seen
),
expected AS (
  SELECT
    t.*, s.player_id, s.player_name,
    DATE_DIFF(t.game_date, s.game_date, DAY) AS days_since_seen
  FROM team_form AS t
  JOIN due_games AS g ON g.game_date = t.game_date AND g.game_id = t.game_id
  JOIN sightings AS s
    ON s.team = t.team AND s.season = t.season
    AND s.game_date < t.game_date AND COALESCE(s.next_game_date >= t.game_date, TRUE)
    AND s.game_date >= DATE_SUB(t.game_date, INTERVAL 21 DAY)
),
state AS (
  SELECT
    player_id, season, game_date,
    LEAD(game_date) OVER (PARTITION BY player_id, season ORDER BY game_date) AS next_game_date,
    COUNT(*) OVER season_to_date AS games_played,
    AVG(pts) OVER last_5 AS points_avg_5,
    AVG(pts) OVER last_10 AS points_avg_10,
    AVG(pts) OVER season_to_date AS points_avg_season,
    STDDEV_SAMP(pts) OVER last_10 AS points_std_10,
    AVG(minutes) OVER last_5 AS minutes_avg_5,
    AVG(minutes) OVER last_10 AS minutes_avg_10,
    AVG(minutes) OVER season_to_date AS minutes_avg_season,
    SAFE_DIVIDE(SUM(pts) OVER last_10, SUM(minutes) OVER last_10) AS points_per_minute_10,
    SAFE_DIVIDE(SUM(pts) OVER season_to_date, SUM(minutes) OVER season_to_date)
      AS points_per_minute_season,
    AVG(usage_rate) OVER last_10 AS usage_rate_avg_10,
    AVG(fga) OVER last_10 AS fga_avg_10,
    AVG(fg3a) OVER last_10 AS fg3a_avg_10,
    AVG(fta) OVER last_10 AS fta_avg_10,
    AVG(ast) OVER last_10 AS ast_avg_10,
    AVG(reb) OVER last_10 AS reb_avg_10,
    AVG(IF(starter IS NULL, NULL, IF(starter, 1.0, 0.0))) OVER last_10 AS starter_share_10
  FROM player_game_summary_before
  WHERE played
  WINDOW
    season_to_date AS (
      PARTITION BY player_id, season ORDER BY game_date
      ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ),
    last_5 AS (
      PARTITION BY player_id, season ORDER BY game_date ROWS BETWEEN 4 PRECEDING AND CURRENT ROW
    ),
    last_10 AS (
      PARTITION BY player_id, season ORDER BY game_date ROWS BETWEEN 9 PRECEDING AND CURRENT ROW
    )
)
SELECT
  e.game_id, e.game_date, e.season, e.season_type, e.team, e.opponent, e.is_home,
  e.player_id, e.player_name,
  s.games_played,
  LEAST(e.window_completeness, SAFE_DIVIDE(w.games, e.games_scheduled)) AS window_completeness,
  s.game_date AS history_through,
  s.points_avg_5, s.points_avg_10, s.points_avg_season, s.points_std_10,
  s.minutes_avg_5, s.minutes_avg_10, s.minutes_avg_season,
  s.points_per_minute_10, s.points_per_minute_season,
  s.usage_rate_avg_10, s.fga_avg_10, s.fg3a_avg_10, s.fta_avg_10, s.ast_avg_10, s.reb_avg_10,
  s.starter_share_10,
  s.points_avg_5 - s.points_avg_season AS points_trend,
  s.minutes_avg_5 - s.minutes_avg_season AS minutes_trend,
  DATE_DIFF(e.game_date, s.game_date, DAY) AS days_since_played,
  e.rest_days AS team_rest_days,
  e.back_to_back,
  e.games_last_7_days AS team_games_last_7_days,
  e.rest_days - o.rest_days AS rest_advantage,
  e.offensive_rating_10 AS team_offensive_rating_10,
  e.pace_10 AS team_pace_10,
  e.win_share AS team_win_share,
  o.defensive_rating_season AS opponent_defensive_rating_season,
  o.defensive_rating_10 AS opponent_defensive_rating_10,
  o.pace_10 AS opponent_pace_10,
  o.win_share AS opponent_win_share,
  e.season_type <> 'Regular Season' AS is_playoffs
FROM expected AS e
JOIN state AS s
  ON s.player_id = e.player_id AND s.season = e.season
  AND s.game_date < e.game_date AND COALESCE(s.next_game_date >= e.game_date, TRUE)
JOIN windows AS w
  ON w.team = e.team AND w.season = e.season
  AND w.game_date < e.game_date AND COALESCE(w.next_game_date >= e.game_date, TRUE)
LEFT JOIN team_form AS o
  ON o.game_date = e.game_date AND o.game_id = e.game_id AND o.team = e.opponent
