-- What was known of each team before its game. `state` holds every earlier game with the windows that
-- end with it; a game to come takes the latest state that lies strictly before its date.
WITH targets AS (
  SELECT g.game_date, g.game_id, s.season, s.season_type, g.home_team AS team,
    g.away_team AS opponent, TRUE AS is_home
  FROM due_games AS g JOIN schedule AS s ON s.game_date = g.game_date AND s.game_id = g.game_id
  UNION ALL
  SELECT g.game_date, g.game_id, s.season, s.season_type, g.away_team AS team,
    g.home_team AS opponent, FALSE AS is_home
  FROM due_games AS g JOIN schedule AS s ON s.game_date = g.game_date AND s.game_id = g.game_id
),
state AS (
  SELECT
    a.team, a.season, a.game_date,
    LEAD(a.game_date) OVER (PARTITION BY a.team, a.season ORDER BY a.game_date) AS next_game_date,
    COUNT(*) OVER season_to_date AS games_in_window,
    AVG(a.offensive_rating) OVER season_to_date AS offensive_rating_season,
    AVG(a.offensive_rating) OVER last_10 AS offensive_rating_10,
    AVG(o.offensive_rating) OVER season_to_date AS defensive_rating_season,
    AVG(o.offensive_rating) OVER last_10 AS defensive_rating_10,
    AVG(a.pace) OVER season_to_date AS pace_season,
    AVG(a.pace) OVER last_10 AS pace_10,
    AVG(IF(a.won, 1.0, 0.0)) OVER season_to_date AS win_share
  FROM team_offense_game_summary_before AS a
  JOIN team_offense_game_summary_before AS o
    ON o.game_date = a.game_date AND o.game_id = a.game_id AND o.team = a.opponent
  WINDOW
    season_to_date AS (
      PARTITION BY a.team, a.season ORDER BY a.game_date
      ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ),
    last_10 AS (
      PARTITION BY a.team, a.season ORDER BY a.game_date
      ROWS BETWEEN 9 PRECEDING AND CURRENT ROW
    )
),
played AS (
  SELECT season, game_date, home_team AS team FROM schedule_before WHERE status <> 'POSTPONED'
  UNION ALL
  SELECT season, game_date, away_team AS team FROM schedule_before WHERE status <> 'POSTPONED'
),
load AS (
  SELECT
    t.game_id, t.team,
    COUNT(*) AS games_scheduled,
    MAX(p.game_date) AS last_game_date,
    COUNTIF(p.game_date >= DATE_SUB(t.game_date, INTERVAL 7 DAY)) AS games_last_7_days
  FROM targets AS t
  JOIN played AS p ON p.team = t.team AND p.season = t.season AND p.game_date < t.game_date
  GROUP BY t.game_id, t.team
)
SELECT
  t.game_id, t.game_date, t.season, t.season_type, t.team, t.opponent, t.is_home,
  COALESCE(s.games_in_window, 0) AS games_in_window,
  COALESCE(l.games_scheduled, 0) AS games_scheduled,
  SAFE_DIVIDE(COALESCE(s.games_in_window, 0), l.games_scheduled) AS window_completeness,
  s.game_date AS history_through,
  s.offensive_rating_season, s.offensive_rating_10,
  s.defensive_rating_season, s.defensive_rating_10,
  s.pace_season, s.pace_10, s.win_share,
  DATE_DIFF(t.game_date, l.last_game_date, DAY) AS rest_days,
  DATE_DIFF(t.game_date, l.last_game_date, DAY) = 1 AS back_to_back,
  COALESCE(l.games_last_7_days, 0) AS games_last_7_days
FROM targets AS t
LEFT JOIN state AS s
  ON s.team = t.team AND s.season = t.season
  AND s.game_date < t.game_date AND COALESCE(s.next_game_date >= t.game_date, TRUE)
LEFT JOIN load AS l ON l.game_id = t.game_id AND l.team = t.team
