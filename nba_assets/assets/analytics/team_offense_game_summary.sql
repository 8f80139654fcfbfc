-- The published team box score, or for a game without one what its players sum to. The choice is made
-- for the game, never for one of its teams.
WITH published AS (
  SELECT
    game_date, game_id, team, minutes, 'team_box_scores' AS source, 1 AS source_rows,
    fgm, fga, fg3m, fg3a, ftm, fta, oreb, dreb, reb, ast, stl, blk, tov, pf, pts
  FROM team_box_scores
),
reconstructed AS (
  SELECT
    game_date, game_id, team, SUM(minutes) AS minutes,
    'player_box_scores' AS source, COUNT(*) AS source_rows,
    SUM(fgm) AS fgm,
    SUM(fga) AS fga,
    SUM(fg3m) AS fg3m,
    SUM(fg3a) AS fg3a,
    SUM(ftm) AS ftm,
    SUM(fta) AS fta,
    SUM(oreb) AS oreb,
    SUM(dreb) AS dreb,
    SUM(reb) AS reb,
    SUM(ast) AS ast,
    SUM(stl) AS stl,
    SUM(blk) AS blk,
    SUM(tov) AS tov,
    SUM(pf) AS pf,
    SUM(pts) AS pts
  FROM player_box_scores
  WHERE status = 'PLAYED'
  GROUP BY game_date, game_id, team
),
chosen AS (
  SELECT * FROM published
  UNION ALL
  SELECT r.*
  FROM reconstructed AS r
  LEFT JOIN (SELECT DISTINCT game_id FROM published) AS p ON p.game_id = r.game_id
  WHERE p.game_id IS NULL
),
measured AS (
  SELECT
    *,
    CAST(ROUND((minutes - 240) * 0.04) AS INT64) AS overtime_periods,
    fga + 0.44 * fta + tov - oreb AS possessions
  FROM chosen
)
SELECT
  g.game_id, g.game_date, s.season, s.season_type,
  t.team,
  IF(t.team = g.home_team, g.away_team, g.home_team) AS opponent,
  t.team = g.home_team AS is_home,
  CAST(240 + 25 * t.overtime_periods AS FLOAT64) AS minutes,
  t.overtime_periods,
  t.fgm, t.fga, t.fg3m, t.fg3a, t.ftm, t.fta, t.oreb, t.dreb, t.reb, t.ast, t.stl, t.blk, t.tov,
  t.pf, t.pts,
  t.possessions,
  SAFE_DIVIDE(100 * t.pts, t.possessions) AS offensive_rating,
  SAFE_DIVIDE(48 * 5 * t.possessions, 240 + 25 * t.overtime_periods) AS pace,
  SAFE_DIVIDE(t.pts, 2 * (t.fga + 0.44 * t.fta)) AS ts_pct,
  SAFE_DIVIDE(t.fgm + 0.5 * t.fg3m, t.fga) AS efg_pct,
  o.pts AS opponent_pts,
  t.pts - o.pts AS margin,
  t.pts > o.pts AS won,
  t.source, t.source_rows
FROM due_games AS g
JOIN schedule AS s ON s.game_date = g.game_date AND s.game_id = g.game_id
JOIN measured AS t ON t.game_date = g.game_date AND t.game_id = g.game_id
LEFT JOIN measured AS o ON o.game_id = t.game_id AND o.team <> t.team
