%% -on_load: a module that loads, one that refuses, one that crashes.
-module(on_load).
-export([main/0]).
mk(M, Body) ->
    {ok, T, _} = erl_scan:string("on() -> " ++ Body ++ ". v() -> get_pt. "), {L1, [D1 | R]} = lists:splitwith(fun(X) -> element(1, X) =/= dot end, T), {ok, F1} = erl_parse:parse_form(L1 ++ [D1]), {ok, F2} = erl_parse:parse_form(R),
    {ok, M, B} = compile:forms([{attribute, 1, module, M}, {attribute, 1, export, [{v, 0}]}, {attribute, 1, on_load, {on, 0}}, F1, F2], []), B.
main() ->
    logger:set_primary_config(level, none),
    R = [begin X = code:load_binary(M, "x", mk(M, B)), {X, code:is_loaded(M), catch (try M:v() catch error:E -> E end), persistent_term:get(ol, none)} end || {M, B} <- [{ol_ok, "persistent_term:put(ol, 1), ok"}, {ol_no, "not_ok"}, {ol_crash, "error(boom)"}, {ol_exit, "exit(bye)"}]], persistent_term:erase(ol), logger:set_primary_config(level, notice), R.
