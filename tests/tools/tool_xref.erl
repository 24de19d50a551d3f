%% Xref over stdlib and kernel: queries, analyses, a module's undefined and unused functions.
-module(tool_xref).
-export([main/0]).
main() ->
    tool_bench:in_folder("xref", fun(Dir) ->
        Beam = tool_bench:compile(Dir, lonely, ["-module(lonely).", "-export([a/0]).", "a() -> nowhere:b(), lists:map(fun c/1, []).", "c(X) -> X.", "d() -> erlang:now()."], [nowarn_unused_function, nowarn_deprecated_function]),
        {ok, _} = xref:start(x),
        ok = xref:set_default(x, [{verbose, false}, {warnings, false}]),
        {ok, stdlib} = xref:add_application(x, code:lib_dir(stdlib)),
        {ok, kernel} = xref:add_application(x, code:lib_dir(kernel)),
        {ok, lonely} = xref:add_module(x, Beam),
        Q = fun(T) -> case xref:q(x, T) of {ok, L} when is_list(L) -> {length(L), erlang:phash2(lists:sort(L))}; O -> O end end,
        R = [Q(T) || T <- ["E || lists:reverse/1", "E | lists:Mod || erlang:Mod", "closure E | gen_server:call/2 || erlang:Mod", "domain (E || ets:Mod)", "# XC", "(XXL) (Lin) (LC | queue:Mod)", "X * kernel:App",
            "XC || \"erl_.*\":Mod", "strict ME", "condensation (ME | [lists, gen, gen_server, proc_lib, ets]:Mod)", "components AE", "U", "B * XU", "L - X", "F of \"lists:s.*\":Fun", "wrong ("]],
        A = [xref:analyze(x, {K, lonely}) || K <- [module_call, module_use]] ++ [xref:analyze(x, {call, {lonely, a, 0}}), Q("(XC - UC) | lonely:Mod"), xref:q(x, "range (E | lonely:Mod)")],
        B = [case xref:analyze(x, K) of {ok, L} -> {K, length(L), erlang:phash2(lists:sort(L))}; O -> O end || K <- [undefined_functions, undefined_function_calls, locals_not_used, exports_not_used, deprecated_functions]],
        xref:stop(x),
        R ++ A ++ B ++ [xref:m(filename:rootname(Beam))]
    end).
