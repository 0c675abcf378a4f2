using System.Runtime.CompilerServices;
using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>The hooks of a module, which TorchSharp shows to classes derived from it alone.</summary>
internal static class Hooks
{
    public static int Count<TBefore, TBehind>(nn.HookableModule<TBefore, TBehind> module) =>
        Fields<TBefore, TBehind>.Before(module).Count + Fields<TBefore, TBehind>.Behind(module).Count
        + Fields<TBefore, TBehind>.ModuleBefore(module).Count + Fields<TBefore, TBehind>.ModuleBehind(module).Count;

    /// <summary>Whether a module has hooks that are not this library's.</summary>
    public static bool AnyOfUsers<TBefore, TBehind>(nn.HookableModule<TBefore, TBehind> module)
        where TBefore : Delegate
        where TBehind : Delegate => Fields<TBefore, TBehind>.Before(module).Values.Concat<Delegate>(Fields<TBefore, TBehind>.Behind(module).Values)
            .Concat(Fields<TBefore, TBehind>.ModuleBefore(module).Values).Concat(Fields<TBefore, TBehind>.ModuleBehind(module).Values)
            .Any(hook => hook.Method.Module.Assembly != typeof(Hooks).Assembly);

    private static class Fields<TBefore, TBehind>
    {
        [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "pre_hooks")]
        public static extern ref Dictionary<string, TBefore> Before(nn.HookableModule<TBefore, TBehind> module);

        [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "post_hooks")]
        public static extern ref Dictionary<string, TBehind> Behind(nn.HookableModule<TBefore, TBehind> module);

        [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "module_pre_hooks")]
        public static extern ref Dictionary<string, Action<nn.Module>> ModuleBefore(nn.HookableModule<TBefore, TBehind> module);

        [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "module_post_hooks")]
        public static extern ref Dictionary<string, Action<nn.Module>> ModuleBehind(nn.HookableModule<TBefore, TBehind> module);
    }
}
