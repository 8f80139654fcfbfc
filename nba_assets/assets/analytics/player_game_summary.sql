-- Players of a game with the rates that need their team's totals. usage_rate is defined for every row
-- with minutes above zero: 0 is a value, and a value over 100 is real for seconds of play.
SELECT
  p.game_id, p.game_date, t.season, t.season_type,
  p.team, p.opponent, p.is_home, p.player_id, p.player_name,
  p.status, p.status = 'PLAYED' AS played, p.starter, p.position, p.minutes,
  p.fgm, p.fga, p.fg3m, p.fg3a, p.ftm, p.fta, p.oreb, p.dreb, p.reb, p.ast, p.stl, p.blk, p.tov,
  p.pf, p.pts,
  p.plus_minus,
  SAFE_DIVIDE(p.pts, 2 * (p.fga + 0.44 * p.fta)) AS ts_pct,
  SAFE_DIVIDE(p.fgm + 0.5 * p.fg3m, p.fga) AS efg_pct,
  IF(
    p.minutes > 0,
    SAFE_DIVIDE(
      100 * (p.fga + 0.44 * p.fta + p.tov) * t.minutes,
      5 * p.minutes * (t.fga + 0.44 * t.fta + t.tov)
    ),
    NULL
  ) AS usage_rate,
  t.won
FROM due_games AS g
JOIN player_box_scores AS p ON p.game_date = g.game_date AND p.game_id = g.game_id
LEFT JOIN team_offense_game_summary AS t
  ON t.game_date = p.game_date AND t.game_id = p.game_id AND t.team = p.team
