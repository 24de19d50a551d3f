%% What the logger's formatter makes of reports and crashes.
-module(std_logger).
-export([main/0, log/2]).
log(E, #{config := #{to := P}}) -> P ! {ev, E}.
main() ->
    logger:add_handler(fb, ?MODULE, #{config => #{to => self()}, level => all}), Old = logger:get_primary_config(), logger:set_primary_config(level, all), logger:remove_handler(default), logger:info("x ~p", [1]), logger:warning(#{a => 1}), logger:error("e", #{k => v, domain => [my]}), proc_lib:spawn(fun() -> error(crashed) end), spawn(fun() -> error(plain) end),
    Es = [receive {ev, E} -> E after 1000 -> none end || _ <- [1, 2, 3, 4, 5]], logger:remove_handler(fb), logger:set_primary_config(Old), F = fun(E) -> T = unicode:characters_to_list(logger_formatter:format(E, #{template => [level, " ", msg, " ", domain, "\n"], single_line => false})), T2 = re:replace(T, "<[0-9.]+>", "PID", [global, {return, list}]), [X || X <- string:split(T2, "\n", all), re:run(X, "heap|reductions|size|neighbours|error_info|line|stack|gc_|pid:|ancestors|^\\s*$|in function|in call", [{capture, none}]) =:= nomatch] end, Sorted = lists:sort([F(E#{meta => maps:with([domain, mfa, pid, error_logger], maps:get(meta, E))}) || E <- Es, is_map(E)]), [Sorted, logger:compare_levels(info, error), logger:get_primary_config() =:= Old].
